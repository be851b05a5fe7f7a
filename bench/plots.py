"""Curves as pictures."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.measure import Curve


def draw(curve: Curve, path: Path) -> None:
    """Draw a curve into an SVG file: medians, and the span between the least and the greatest."""
    # Text stays text, and the same figures make the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9}):
        figure = Figure(figsize=(1.4 + 4 * len(curve.panels), 3.6), layout="constrained")
        figure.suptitle(curve.title, fontsize=10)
        for axes, (what, series) in zip(
            figure.subplots(1, len(curve.panels), squeeze=False)[0], curve.panels.items(), strict=True
        ):
            for name, points in series.items():
                at, medians, least, greatest = zip(*sorted(points), strict=True)
                (line,) = axes.plot(at, medians, marker="o", markersize=3, linewidth=1.2, label=name)
                axes.fill_between(at, least, greatest, color=line.get_color(), alpha=0.15, linewidth=0)
            if curve.is_log:
                axes.set_xscale("log")
            axes.set_ylim(bottom=0)
            axes.set_xlabel(curve.across)
            axes.set_ylabel(what)
            axes.grid(visible=True, linewidth=0.3)
        named = figure.axes[0].get_legend_handles_labels()  # every panel has the same series
        figure.legend(*named, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
