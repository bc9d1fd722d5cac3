"""The house rules of who may import whom, held against the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import caption_studio

ROOT = Path(caption_studio.__file__).parent
BASE = {
    "counts",
    "errors",
    "growing_file",
    "hashtags",
    "key_rules",
    "limits",
    "records",
    "logprob_parts",
    "memory",
    "protocols",
    "settings",
    "snapshots",
    "threads",
}

MAY_IMPORT = {
    "counts": BASE,
    "errors": BASE,
    "growing_file": set(),
    "hashtags": set(),
    "key_rules": set(),
    "limits": set(),
    "logprob_parts": BASE,
    "memory": set(),
    "records": BASE,
    "protocols": BASE,
    "settings": BASE,
    "snapshots": set(),
    "threads": set(),
    "batches": BASE | {"batches"},
    "model_libraries": set(),
    "torch_companions": {"model_libraries"},
    "voices": BASE | {"voices", "language.prompt", "language.adapters.configured"},
    "wire": BASE | {"wire", "structure.schema"},
    "structure": BASE | {"structure"},
    "images": BASE | {"images"},
    "doctor": {"doctor", "memory", "model_files", "model_libraries", "torch_companions"},
    "model_files": BASE,
    "vision": BASE | {"vision", "model_files"},
    "language": BASE | {"language", "model_files"},
    "observability": BASE | {"observability"},
    "merging": BASE,
    "prompts": BASE | {"language.prompt", "voices"},
    "stage_times": BASE,
    "pipeline": BASE | {"merging", "images", "language.prompt", "prompts", "stage_times", "voices"},
    "gateway": BASE | {"batches", "gateway", "pipeline", "wire", "observability", "voices"},
    "scaling": BASE | {"scaling"},
    "client": BASE | {"client"},
    "offline": BASE
    | {"offline", "client", "images.loader", "pipeline", "wire", "structure.check"}
    | {"vision", "language.engine", "language.adapters.configured", "voices", "observability"}
    | {"training.dataset.sources", "training.dataset.tables", "training.dataset.items"}
    | {"training.files"}
    | {"deployments.allocator", "deployments.ending", "deployments.gc_freeze"}
    | {"deployments.scheduling_class"}
    | {"deployments.one_machine"},
    "demo": BASE
    | {"demo", "language.prompt", "voices", "images.decode", "vision", "client", "training"},
    "training": BASE
    | {"training", "client", "language.prompt", "language.adapters", "voices"}
    | {"language.caption_cut", "language.falcon_config", "language.tokens"}
    | {"images.decode", "images.stop", "images.formats", "vision", "model_files"},
}
"""Rooms that are not named (deployments, cli) may import anything but `deployments`, which cli may,
and of which `offline` may import what is needed wherever Ray is started."""

ONLY_IN = {
    "torch": (
        "vision/",
        "demo/",
        "training/",
        "language/engine",
        "language/vllm_plugins/",
        "language/adapters/weights.py",
        "language/checkpoint.py",
        "language/adapters/merge.py",
    ),
    "vllm": ("language/engine", "language/vllm_plugins/"),
    "llguidance": ("structure/compiler.py",),
    "ray": ("deployments/", "offline/"),
    "fastapi": ("gateway/", "deployments/"),
    "peft": ("demo/", "training/", "language/adapters/merge.py"),
    "trl": ("training/",),
    "datasets": ("training/",),
    "bitsandbytes": ("training/",),
    "fsspec": ("batches/store.py", "language/adapters/fetch.py", "training/dataset/"),
    "huggingface_hub": ("language/adapters/fetch.py", "model_files.py", "training/base.py"),
}


def imports() -> Iterator[tuple[str, str]]:
    for path in ROOT.rglob("*.py"):
        module = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: relative import"
                base = node.module or ""
                if base in ("caption_studio", "caption_studio.language"):
                    yield from ((module, f"{base}.{alias.name}") for alias in node.names)
                else:
                    yield module, base


def test_no_room_imports_what_it_may_not() -> None:
    wrong = []
    for module, imported in imports():
        if not imported.startswith("caption_studio."):
            continue
        room = module.removesuffix(".py").split("/")[0]
        target = imported.removeprefix("caption_studio.")
        allowed = MAY_IMPORT.get(room)
        if allowed is None:
            if target.startswith("deployments") and room not in ("deployments", "cli"):
                wrong.append((module, imported))
        elif not any(target == a or target.startswith(f"{a}.") for a in allowed):
            wrong.append((module, imported))
    assert wrong == []


def test_heavy_libraries_stay_in_their_rooms() -> None:
    wrong = [
        (module, imported)
        for module, imported in imports()
        for library, places in ONLY_IN.items()
        if imported.split(".")[0] == library and not module.startswith(places)
    ]
    assert wrong == []


def test_the_check_sees_imports_at_all() -> None:
    seen = set(imports())
    assert ("pipeline.py", "caption_studio.language.prompt") in seen
    assert ("language/engine.py", "vllm") in seen


def test_the_source_root_is_no_package() -> None:
    assert not (ROOT.parent / "__init__.py").exists()
