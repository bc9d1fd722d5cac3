"""Deploy the gateway on a Serve that listens on an address; print what becomes of it.

Run by test_deployed_elsewhere.py. As `serve deploy` does, nothing of `caption-studio serve` is in
the way.
"""

import os
import sys

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray import serve

from benchmarks.cluster.application import build

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)  # it is one machine still
serve.start(http_options={"host": sys.argv[1], "port": int(sys.argv[2])})
try:
    serve.run(build({}), name="caption-studio")
    print("it serves", flush=True)
except RuntimeError:
    print(serve.status().applications["caption-studio"].message, flush=True)
    print(serve.status().applications["caption-studio"].deployments["Gateway"].message, flush=True)
finally:
    serve.shutdown()
    ray.shutdown()
