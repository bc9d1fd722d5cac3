"""A key is remembered until enough others came after it."""

from caption_studio.deployments.routing.recent import Recent


def test_a_key_is_known_the_second_time() -> None:
    recent = Recent(2)
    assert [recent.add(b"a"), recent.add(b"a"), recent.add(b"b")] == [False, True, False]


def test_the_key_that_was_asked_for_longest_ago_is_forgotten() -> None:
    recent = Recent(2)
    for key in (b"a", b"b", b"a", b"c"):
        recent.add(key)
    assert recent.add(b"a")
    assert not recent.add(b"b")
