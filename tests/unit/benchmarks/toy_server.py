"""A server for tests: `python toy_server.py PORT PIDS MANNER`.

It writes its id and its child's into the file PIDS. MANNER: `good` ends on SIGINT and leaves
its child behind, `stubborn` ignores SIGINT, `broken` ends before it serves, `deaf` never does.
"""

import http.server
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    port, pids, manner = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if manner == "broken":
        print("the model is not there")
        sys.exit(3)
    # In a session of its own, as some of Ray's processes are.
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleep, start_new_session=True)
    pids.write_text(f"{os.getpid()} {child.pid}")
    if manner == "deaf":
        time.sleep(600)
    if manner == "stubborn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = http.server.HTTPServer(("127.0.0.1", port), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        os._exit(0)


if __name__ == "__main__":
    main()
