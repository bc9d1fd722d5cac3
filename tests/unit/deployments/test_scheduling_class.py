import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
from caption_studio.deployments.scheduling_class import interrupt_nobody

end = threading.Event()
before = threading.Thread(target=end.wait)
before.start()
{refusal}
interrupt_nobody()
after = threading.Thread(target=end.wait)
after.start()
policies = [os.sched_getscheduler(thread.native_id) for thread in threading.enumerate()]
child = os.popen(f"{{os.sys.executable}} -c 'import os; print(os.sched_getscheduler(0))'").read()
end.set()
print(*policies, int(child))
"""
REFUSED = """
def refuse(*_):
    raise {error}
os.sched_setscheduler = refuse
"""
OTHER, BATCH = "0", "3"  # sched.h


@pytest.mark.parametrize(
    ("refusal", "policy"),
    [
        ("", BATCH),
        (REFUSED.format(error="PermissionError"), OTHER),
        (REFUSED.format(error="OSError(22, 'Invalid argument')"), OTHER),
    ],
)
def test_threads_started_before_and_after_and_processes_wait_for_their_turn(
    refusal: str, policy: str
) -> None:
    program = PROGRAM.format(refusal=refusal)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [policy] * 4


def test_threads_started_later_let_others_go_first() -> None:
    program = """
import os, threading
from caption_studio.deployments.scheduling_class import LESS, let_others_go_first

let_others_go_first()
found = []
later = threading.Thread(target=lambda: found.append(os.getpriority(os.PRIO_PROCESS, 0)))
later.start()
later.join()
assert found == [LESS], found
"""
    subprocess.run([sys.executable, "-c", program], check=True)
