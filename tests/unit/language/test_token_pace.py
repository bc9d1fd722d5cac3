from caption_studio.language.token_pace import MAX_TOKENS_APART, TokenPace


def test_before_any_stream_tokens_come_one_by_one() -> None:
    assert TokenPace().tokens_in(0.03) == 1


def test_a_fast_engine_hands_over_several_tokens_and_never_too_many() -> None:
    pace = TokenPace()
    pace.see(0.01)
    assert pace.tokens_in(0.03) == 3
    assert pace.tokens_in(0.0) == 1
    assert pace.tokens_in(10.0) == MAX_TOKENS_APART


def test_the_latest_gaps_count() -> None:
    pace = TokenPace()
    pace.see(0.001)
    for _ in range(100):
        pace.see(0.04)
    assert pace.tokens_in(0.03) == 1
