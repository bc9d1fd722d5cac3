"""The results of a stage: figures, notes on exactness, and missing pieces."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One number. `limit` is the card's arithmetic bound on it, in the same unit."""

    stage: str
    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def share_of_limit(self) -> float | None:
        """Return the reached share of the limit (1: all of it), for seconds as for rates."""
        if self.limit is None:
            return None
        return self.limit / self.value if self.unit in ("s", "ms") else self.value / self.limit


@dataclass(frozen=True)
class Missing:
    """A piece that this machine lacks or that failed, and the consequence."""

    piece: str
    reason: str


@dataclass
class Found:
    """All results of one run."""

    figures: list[Figure] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Profiles and the like, by file name."""

    def add(
        self, stage: str, name: str, value: float, unit: str, limit: float | None = None
    ) -> None:
        """Keep a figure and print it, so that an interrupted run has shown its figures."""
        figure = Figure(stage, name, value, unit, limit)
        self.figures.append(figure)
        print(line(figure), flush=True)

    def lacks(self, piece: str, reason: str) -> None:
        """Keep a missing piece and print it."""
        self.missing.append(Missing(piece, reason))
        print(f"MISSING {piece}: {reason}", flush=True)

    def value(self, stage: str, name: str) -> float | None:
        """Return a figure's value, None if it was not measured."""
        values = (f.value for f in self.figures if (f.stage, f.name) == (stage, name))
        return next(values, None)


def in_short(error: Exception) -> str:
    """Return an error's type and the beginning of its message, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def line(figure: Figure) -> str:
    """Return a figure as a line of the table."""
    share = figure.share_of_limit
    limit = "" if share is None else f"  {share:6.1%} of {figure.limit:.4g}"
    return f"{figure.stage:<10} {figure.name:<44} {figure.value:10.4g} {figure.unit:<10}{limit}"
