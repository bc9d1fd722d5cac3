"""Checks that names in other libraries have the forms we use; each raises `AssertionError`."""

import ast
import importlib
import inspect
import textwrap
import warnings
from functools import cache
from typing import Any


def found(path: str) -> Any:
    """Return what is at a dotted path; fail where there is nothing."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # vLLM's imports warn
                thing: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if not ".".join(parts).startswith(error.name or "?"):
                raise  # it is there, and imports something that is not
            continue
        for part in parts[end:]:
            assert hasattr(thing, part), f"{path}: there is no {part}"
            thing = getattr(thing, part)
        return thing
    raise AssertionError(f"there is no {path}")


def has_attributes(path: str, *attributes: str) -> None:
    """Check that objects of a class have these attributes, whoever of its bases sets them."""
    there = _attributes(found(path))
    missing = [attribute for attribute in attributes if attribute not in there]
    assert not missing, f"{path} has no {', '.join(missing)}"


def takes(path: str, *parameters: str) -> None:
    """Check that a function has parameters of these names, among others."""
    there = inspect.signature(found(path)).parameters
    missing = [parameter for parameter in parameters if parameter not in there]
    assert not missing, f"{path} takes no {', '.join(missing)}, it takes {', '.join(there)}"


def begins_with(path: str, *parameters: str) -> None:
    """Check that the first parameters of a function are these, in this order."""
    there = tuple(inspect.signature(found(path)).parameters)
    assert there[: len(parameters)] == parameters, f"{path} takes {', '.join(there)}"


def says(path: str, *texts: str) -> None:
    """Check that the source of a module, class or function contains these texts."""
    source = inspect.getsource(found(path))
    missing = [text for text in texts if text not in source]
    assert not missing, f"the source of {path} has no {missing}"


def _attributes(class_: type) -> set[str]:
    declared = (vars(base).get("__annotations__", ()) for base in class_.__mro__)
    return set(dir(class_)).union(*declared, *map(_set_by, class_.__mro__))


@cache
def _set_by(base: type) -> frozenset[str]:
    """Return the attributes of `self` that the source of a class itself sets."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
    except (OSError, TypeError):  # it is written in C
        return frozenset()
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
