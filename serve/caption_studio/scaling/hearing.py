"""Reports that came, and the gateways there are → the share that was heard of.

A gateway that has just come has not reported yet, and has little to report: it is not missing.
"""

from dataclasses import dataclass

NEW_S = 30.0
"""Time that a new gateway has for its first report: some intervals, and the start of its work."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """The numbers of running gateways in the last `NEW_S`, each with the time it was seen first.

    `clock_s` is the time of the last look.
    """

    running: tuple[tuple[float, int], ...] = ()
    clock_s: float = 0.0

    def after(self, running: int, now_s: float) -> "Hearing":
        """Return the hearing after a look. A clock that was set back begins it anew."""
        if now_s < self.clock_s:
            return Hearing(((now_s, running),), now_s)
        # The last number from before the interval still held when it began.
        began = [number for number, (at_s, _) in enumerate(self.running) if at_s <= now_s - NEW_S]
        kept = self.running[began[-1] if began else 0 :]
        if not kept or kept[-1][1] != running:
            kept = (*kept, (now_s, running))
        return Hearing(kept, now_s)

    def share(self, heard: int) -> float:
        """Return the share of the gateways that should be heard of; 1 if there is none."""
        expected = min((running for _, running in self.running), default=0)
        return min(1.0, heard / expected) if expected else 1.0
