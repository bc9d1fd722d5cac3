"""The engine's process that is started early."""

import os
import subprocess
import sys
import textwrap

from caption_studio.language.engine_process import EarlyProcess

VARIABLE = "CAPTION_STUDIO_TEST_VARIABLE"


def end_by(variable: str) -> None:
    """Exit with the number that a variable of the environment says."""
    sys.exit(int(os.environ[variable]))


def test_it_calls_its_target_in_the_environment_of_its_start(monkeypatch) -> None:
    process = EarlyProcess(modules=("json",))
    try:
        assert process.is_alive()
        monkeypatch.setenv(VARIABLE, "7")
        process.give(end_by, {"variable": VARIABLE})
        process.start()
        process.join(600)
        assert process.exitcode == 7
    finally:
        process.kill()
        process.join()


def test_it_ends_with_a_process_that_never_needed_it() -> None:
    """Without the pipe's end both would wait for each other for ever."""
    script = """
        from caption_studio.language.engine_process import EarlyProcess

        if __name__ == "__main__":
            kept = EarlyProcess(modules=())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=600)
