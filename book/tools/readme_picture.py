"""Draw the figure of README.md: `python -m minigrad_book.tools.readme_picture`. This takes a few seconds."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad_book.tools import figures

STEPS, SEEDS, RATE = 1000, 10, 1e-3
TARGET = Path(__file__).parents[1] / "static" / "readme.svg"
ALT = (
    "Mean step of a parameter over the learning rate, against the step on a logarithmic axis. With the bias correction "
    "it falls from 0.7 to 0.4 within 10 steps; without, it starts at 2.3, peaks at 2.6 and comes down by step 200."
)


def step_sizes(bias_correction: bool, seed: int) -> list[float]:
    """Return the mean |Δθ| / η over all parameters at each step, for an MLP trained on the digits."""
    (images, labels), _ = mg.data.digits()
    rng = np.random.default_rng(seed)
    model = mg.models.MLP([64, 32, 10], rng=rng)
    optimizer = mg.optim.Adam(model.parameters(), lr=RATE, bias_correction=bias_correction)
    sizes = []
    for _ in range(STEPS):
        batch = rng.choice(len(images), 32, replace=False)
        optimizer.zero_grad()
        mg.cross_entropy(model(mg.Tensor(images[batch])), labels[batch]).backward()
        before = flat(model)
        optimizer.step()
        sizes.append(float(np.abs(flat(model) - before).mean()) / RATE)
    return sizes


def flat(model: mg.nn.Module) -> np.ndarray:
    return np.concatenate([parameter.data.ravel() for parameter in model.parameters()])


def main() -> None:
    shown = np.unique(np.geomspace(1, STEPS, 120).astype(int))
    with figures.style():
        fig, ax = plt.subplots(figsize=(6.4, 3.0))
        for correction, name in ((True, "Adam"), (False, "Adam without bias correction")):
            runs = np.array([step_sizes(correction, seed) for seed in range(SEEDS)])
            (line,) = ax.semilogx(shown, runs.mean(0)[shown - 1])
            figures.label_line(line, name, at=12, dx=10, dy=10)
        ax.set(xlabel="step", ylabel="mean |Δθ| / η", ylim=(0, None), xlim=(1, STEPS))
        ax.set_title("Without the correction, the early steps are too large")
    head, body = figures.to_svg(fig, ALT).split(">", 1)
    TARGET.write_text(f'{head}><rect width="100%" height="100%" fill="#fff"/>{body}', encoding="utf-8")


if __name__ == "__main__":
    main()
