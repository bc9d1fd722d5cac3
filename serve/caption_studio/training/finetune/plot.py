"""The log → `loss.png`: the loss of training and of validation, by steps."""

from pathlib import Path

from matplotlib.figure import Figure

from caption_studio.training.finetune.journal import History

NAME = "loss.png"
INK, SOFT, MARK = "#1f4e79", "#9aa5b1", "#c2571a"
SMOOTHED = 0.1
"""The weight of each new step in the smoothed line."""


def draw(history: History, path: Path) -> None:
    """Draw the losses into a PNG file."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    steps = sorted(history.losses)
    losses = [history.losses[step] for step in steps]
    axes.plot(steps, losses, color=SOFT, linewidth=0.8, label="training, each step")
    axes.plot(steps, _smoothed(losses), color=INK, label="training, smoothed")
    evaluated = sorted(history.eval_losses)
    validation = [history.eval_losses[step] for step in evaluated]
    axes.plot(evaluated, validation, "o-", color=MARK, label="validation")
    axes.set(xlabel="step", ylabel="loss of the caption's tokens (nats)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def _smoothed(values: list[float]) -> list[float]:
    means: list[float] = []
    for value in values:
        means.append(means[-1] + SMOOTHED * (value - means[-1]) if means else value)
    return means
