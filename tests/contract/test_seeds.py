"""A seed gives the same answer beside others as alone, however its prompt is read."""

from concurrent.futures import ThreadPoolExecutor

import httpx

CALLERS = 48
WORDS = "boat sea sky sand bird tree road hill lake snow " * 12
"""So many tokens that a step reads the prompts of few callers whole, and parts of others."""


def test_a_seed_gives_the_same_beside_others_as_alone(http: httpx.Client) -> None:
    def ask(seed: int) -> str:
        prompt = " ".join(WORDS.split()[seed:])
        body = {"prompt": prompt, "seed": seed, "temperature": 1, "max_tokens": 8}
        answer = http.post("/v1/completions", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["text"])

    alone = [ask(seed) for seed in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as threads:
        assert list(threads.map(ask, range(CALLERS))) == alone
