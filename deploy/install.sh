#!/usr/bin/env bash
# Create a virtual environment and install the project into it.
# usage: deploy/install.sh VENV EXTRAS        (e.g. .venv cpu,dev)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
extras=$2
export PIP_DISABLE_PIP_VERSION_CHECK=1

"${PYTHON:-python3.11}" -m venv "$venv"
pip=("$venv/bin/python" -m pip install --quiet)

if [[ ,$extras, == *,cpu,* ]]; then
    # The CPU build of torch first: under its plain name pip would install the CUDA build.
    # It is either on pip's own paths or in PyTorch's index; try them in that order.
    "${pip[@]}" "torch==2.13.0+cpu" 2>/dev/null ||
        "${pip[@]}" --extra-index-url https://download.pytorch.org/whl/cpu "torch==2.13.0+cpu"
fi
"${pip[@]}" --editable ".[$extras]"

# vLLM requires torch's companions, but no particular build of them. One built for another torch
# cannot be imported; if that is torchvision, transformers' imports fail too.
# Neither GIT nor Falcon needs them: keep what works, remove what does not.
for companion in torchvision torchaudio torchcodec; do
    if "$venv/bin/python" -m pip show --quiet "$companion" 2>/dev/null &&
        ! "$venv/bin/python" -c "import $companion" 2>/dev/null; then
        echo "install: $companion does not fit this torch; removing it"
        "$venv/bin/python" -m pip uninstall --quiet --yes "$companion"
    fi
done
"$venv/bin/python" -c "from transformers import FalconForCausalLM, GitForCausalLM"
