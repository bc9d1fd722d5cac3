"""Tokens → money, at prices per million."""

from dataclasses import dataclass

from caption_studio.training.dataset.items import Answer

_MILLION = 1_000_000


@dataclass(slots=True)
class Spent:
    """What the teacher's answers took, those replaced since too; `uncounted` did not say."""

    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    uncounted: int = 0

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        self.answers += 1
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        self.uncounted += not (answer.tokens_in or answer.tokens_out)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens, in any currency; None: not given."""

    tokens_in: float | None = None
    tokens_out: float | None = None

    def cost(self, spent: Spent) -> float | None:
        """Return the money for what was spent, None without prices."""
        if self.tokens_in is None and self.tokens_out is None:
            return None
        money_in = spent.tokens_in * (self.tokens_in or 0.0)
        return (money_in + spent.tokens_out * (self.tokens_out or 0.0)) / _MILLION

    def told(self, spent: Spent, answers_left: int = 0) -> str:
        """Return tokens, and with prices the cost so far and the one expected, for people."""
        tokens = f"{spent.tokens_in:,} tokens in, {spent.tokens_out:,} out"
        cost = self.cost(spent)
        if cost is None:
            return tokens
        if not spent.answers or answers_left <= 0:
            return f"{tokens}, cost {cost:.4f}"
        expected = cost + cost / spent.answers * answers_left
        return f"{tokens}, cost {cost:.4f} of about {expected:.4f}"
