import threading

from caption_studio.threads import started_pool


def test_all_threads_are_there_and_free() -> None:
    before = threading.active_count()
    with started_pool(3, "soon") as pool:
        assert threading.active_count() == before + 3
        together = threading.Barrier(3)
        assert sorted(pool.map(lambda _: together.wait(timeout=30), range(3))) == [0, 1, 2]
        assert threading.active_count() == before + 3
