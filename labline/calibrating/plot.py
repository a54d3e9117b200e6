"""Draws a fit: the points and the curve, and below them the residuals."""

from __future__ import annotations

from pathlib import Path

from telegraf_inputs.calibration import Calibration
from telegraf_inputs.errors import BadInput

from .fits import Fit
from .points import CalibrationTable

KINDS = (".png", ".svg", ".pdf")
STEPS = 400  # of the curve


def check(path: Path) -> None:
    """Refuse (BadInput) a file that is no picture by its name."""
    if path.suffix.lower() not in KINDS:
        raise BadInput(f"--plot {path}: expected a name that ends in {', '.join(KINDS)}")


def draw(path: Path, points: CalibrationTable, fit: Fit, made: Calibration, title: str) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure  # without pyplot, it wants no screen

    low, high = points.span
    xs = [low + (high - low) * n / STEPS for n in range(STEPS + 1)]
    curve = [(x, y) for x in xs if (y := made(min(max(x, low), high))) is not None]
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([p.x for p in points.pairs], [p.y for p in points.pairs], "o", label="points")
    upper.plot([x for x, _ in curve], [y for _, y in curve], "-", label=f"{fit.form}, {made.version}")
    if fit.relative:
        upper.set_yscale("log")
    upper.set_title(title)
    upper.set_ylabel(points.y)
    upper.grid(True, which="both", alpha=0.3)
    upper.legend()
    factor = 100.0 if fit.relative else 1.0
    lower.axhline(0.0, color="grey", linewidth=1)
    lower.plot([p.x for p in points.pairs], [factor * r for r in fit.residuals], "o")
    lower.set_xlabel(points.x)
    lower.set_ylabel("residual, %" if fit.relative else "residual")
    lower.grid(True, alpha=0.3)
    figure.savefig(path, dpi=120)
