"""A JSON Schema on standard input → a verdict on standard output, as a program of its own.

`structure.check` runs it, so that a hostile schema takes only the time and the memory of a process
that can be killed. It compiles as vLLM's guidance backend does (vllm/v1/structured_output/
backend_guidance.py, 0.32.0), for a vocabulary of single bytes. It imports nothing of this package,
because its start is most of its cost.
"""

import json
import os
import resource
import sys
import time

import llguidance

CPU_LIMIT_S = 2
"""SIGXCPU ends the process there, and SIGKILL one second later."""

MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    """Write `{"error": what is wrong or "", "cpu_s": seconds of compiling}`."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    schema = sys.stdin.read()
    started_s = time.process_time()
    try:
        error = _error(schema)
    except ValueError as refused:
        error = str(refused)
    print(json.dumps({"error": error, "cpu_s": time.process_time() - started_s}))


def _error(schema: str) -> str:
    grammar = llguidance.LLMatcher.grammar_from_json_schema(
        schema, defaults={"whitespace_flexible": False}
    )
    if error := llguidance.LLMatcher.validate_grammar(grammar, None):
        return str(error)
    matcher = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), grammar, log_level=0)
    matcher.compute_logit_bias()
    return str(matcher.get_error())


if __name__ == "__main__":
    main()
