# Source this, with the virtual environment active, before `ray start` and `serve` on each machine
# of a cluster without Kubernetes: Serve's processes inherit it. The images set the same by ENV.
# Two malloc arenas for a process: the free memory of one arena is of no use to the others.
export MALLOC_ARENA_MAX=2
# If this is unset, a head of Ray 2.60 requires a token, but its own commands send none.
export RAY_AUTH_MODE=token
export RAY_SERVE_ENABLE_HA_PROXY=1
# 160: ten more than upload_timeout_s and request_timeout_s of the gateway together, in seconds.
RAY_SERVE_HAPROXY_BINARY_PATH=$(command -v caption-studio-haproxy)
export RAY_SERVE_HAPROXY_BINARY_PATH
export RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S=160
export RAY_SERVE_HAPROXY_NBTHREAD=1
export RAY_SERVE_HAPROXY_RETRIES=2
export RAY_SERVE_HAPROXY_RETRY_ON="conn-failure empty-response"
export RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S=160
export RAY_SERVE_HAPROXY_TUNE_BUFSIZE=131072
export RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=caption_studio.deployments.edge.middlewares:middlewares
export RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S=60
export RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP=0
export RAY_SERVE_USE_GRPC_BY_DEFAULT=1
export RAY_USAGE_STATS_ENABLED=0
# Workers get the same share of a busy CPU as Ray's agents.
export RAY_worker_niceness=0
