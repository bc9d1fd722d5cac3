from caption_studio.deployments.routing.crowd import WINDOW, Crowd


def test_keys_that_fit_are_no_crowd() -> None:
    crowd = Crowd(2)
    assert not any(crowd.add(key) for key in "abab")
    assert crowd.add("c")
    assert crowd.add("a")


def test_keys_of_long_ago_count_no_more() -> None:
    crowd = Crowd(1)
    crowd.add("a")
    assert crowd.add("b")
    for _ in range(WINDOW):
        crowded = crowd.add("b")
    assert not crowded
