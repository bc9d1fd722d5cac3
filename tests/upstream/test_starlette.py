"""What docs/upstream.md lists of Starlette is still there, in the form that we need."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.upstream.forms import begins_with, found, has_attributes, takes
from tests.upstream.listed import names

FORMS = "starlette.formparsers"


def leaves_out_the_prefix() -> None:
    scope = {"path": "/studio/v1/models", "root_path": "/studio"}
    assert found("starlette._utils.get_route_path")(scope) == "/v1/models"


def parses_uploads() -> None:
    path = f"{FORMS}.MultiPartParser"
    begins_with(f"{path}.__init__", "self", "headers", "stream")
    takes(f"{path}.__init__", "max_files", "max_fields", "max_part_size")
    has_attributes(path, "spool_max_size", "parse")


CHECKS: dict[str, Callable[[], object]] = {
    "starlette._utils.get_route_path": leaves_out_the_prefix,
    "Route.path_format": partial(has_attributes, "starlette.routing.Route", "path_format"),
    f"{FORMS}.MultiPartParser": parses_uploads,
    f"{FORMS}.MultiPartException": partial(found, f"{FORMS}.MultiPartException"),
    "CORSMiddleware.preflight_response": partial(
        begins_with,
        "starlette.middleware.cors.CORSMiddleware.preflight_response",
        "self",
        "request_headers",
    ),
}


@pytest.mark.parametrize("name", names("Starlette"))
def test_starlette_still_has(name: str) -> None:
    CHECKS[name]()


def test_every_check_has_a_row() -> None:
    assert set(CHECKS) == set(names("Starlette"))
