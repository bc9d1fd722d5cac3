"""A fluid model of the service for the policy's tests: loads go in, targets come out.

Its engines have another latency curve than the policy assumes: `lone_share` is theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from caption_studio.scaling.load import CAPTIONER, DESCRIBER, GATEWAY, Load
from caption_studio.scaling.policy import Memory, decide
from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import GatewayScaling

STAGE = StageScaling(
    target_ongoing=10,
    lone_share=0.3,
    upscale_delay_s=5,
    downscale_delay_s=120,
    to_zero_delay_s=300,
)
GATEWAYS = GatewayScaling(
    target_cpus=1.0, upscale_delay_s=5, downscale_delay_s=120, to_zero_delay_s=300
)
SETTINGS = ScalingSettings(gateway=GATEWAYS, describer=STAGE, captioner=STAGE)
CPU_S = 0.02


@dataclass
class Stage:
    """Replicas of `per_s` each at the target; `start_s` until a new one serves."""

    per_s: float
    target: int
    start_s: int = 20
    lone_share: float = 0.15
    slow: tuple[int, int, float] = (0, 0, 1.0)
    """From when to when it has only this share of its rate."""
    queue: float = 0.0
    starting: list[int] = field(default_factory=list)

    def pass_on(self, now_s: int, comes: float) -> tuple[float, Load]:
        """Return what is finished in this second, and the load that is reported."""
        running = self.target - sum(up_s > now_s for up_s in self.starting)
        from_s, to_s, share = self.slow
        full = running * self.per_s * (share if from_s <= now_s < to_s else 1.0)
        finished = min(full, self.queue + comes)
        self.queue += comes - finished
        used = finished / full if full else 0.0
        part = used * self.lone_share / (1 - used * (1 - self.lone_share)) if used else 0.0
        ongoing = running * part * STAGE.target_ongoing + self.queue
        return finished, Load(self.target, running, 0, 1000, ongoing, comes, finished)

    def scale(self, now_s: int, target: int) -> None:
        """Start or stop replicas, those that start first."""
        self.starting = [up_s for up_s in self.starting if up_s > now_s]
        missing = target - self.target
        if missing > 0:
            self.starting += [now_s + self.start_s] * missing
        elif missing:
            del self.starting[missing:]
        self.target = target


def run(
    pictures_per_s: Callable[[int], float],
    seconds: int,
    describer: Stage,
    captioner: Stage,
) -> list[dict[str, int]]:
    """Return the targets of each second."""
    stages = {DESCRIBER: describer, CAPTIONER: captioner}
    gateways, memories, history = 1, dict[str, Memory](), []
    for now_s in range(seconds):
        comes = pictures_per_s(now_s)
        cpus = min(2.0 * gateways, CPU_S * comes)
        decoded = min(comes, 2.0 * gateways / CPU_S)
        loads = {
            GATEWAY: Load(gateways, gateways, 1, 1000, 0.0, comes, decoded, cpus),
        }
        described, loads[DESCRIBER] = describer.pass_on(now_s, comes)
        _, loads[CAPTIONER] = captioner.pass_on(now_s, described)
        decisions = decide(loads, memories, SETTINGS, float(now_s))
        memories = {name: decision.memory for name, decision in decisions.items()}
        gateways = decisions[GATEWAY].replicas
        for name, stage in stages.items():
            stage.scale(now_s, decisions[name].replicas)
        history.append({name: decision.replicas for name, decision in decisions.items()})
    return history


def series(history: list[dict[str, int]], name: str) -> list[int]:
    """Return one deployment's targets."""
    return [targets[name] for targets in history]
