"""Measuring two sides alternately, and saying what came out."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one side.

    Attributes:
        value: The figure, in the unit of its line.
        errors: How much of what was asked failed.
        p99_ms: The 99th percentile of the latency, where it was measured.
    """

    value: float
    errors: int = 0
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        promise: Its number, for example `P1`.
        work: What was measured.
        unit: Of the figures.
        ours: The rounds of our side.
        reference: The rounds of the other side.
        wanted: The ratio, ours to the reference, that is promised; None for a figure beside the promises.
        at_most: The promise is an upper bound.
        violations: What the checker of reliability found in the data afterwards.
        notes: What a reader must know besides.
    """

    promise: str
    work: str
    unit: str
    ours: Sequence[Round]
    reference: Sequence[Round]
    wanted: float | None
    at_most: bool = False
    violations: Sequence[str] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def ratio(self) -> float:
        """Ours to the reference, medians."""
        return middle(self.ours) / middle(self.reference)

    @property
    def errors(self) -> int:
        """Everything that failed, on both sides, and what was wrong afterwards."""
        return sum(each.errors for each in (*self.ours, *self.reference)) + len(self.violations)

    @property
    def verdict(self) -> str:
        """Whether the promise is kept; what failed keeps none."""
        if self.wanted is None:
            return "-"
        is_met = self.ratio <= self.wanted if self.at_most else self.ratio >= self.wanted
        return "met" if is_met and not self.errors else "NOT MET"


Point = tuple[float, float, float, float]
"""Where along the curve, and the median, the least and the greatest there."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One plot.

    Attributes:
        promise: Whose it is; no promise has two.
        title: What is shown.
        across: What the curve goes along, with its unit.
        panels: For each figure, with its unit, the points of each series.
        is_log: The way along the curve is logarithmic.
    """

    promise: str
    title: str
    across: str
    panels: Mapping[str, Mapping[str, Sequence[Point]]]
    is_log: bool = False


def point(at: float, values: Sequence[float]) -> Point:
    """The point of a curve that some values make."""
    return at, statistics.median(values), min(values), max(values)


def middle(rounds: Sequence[Round]) -> float:
    """The median."""
    return statistics.median(each.value for each in rounds)


def spread(rounds: Sequence[Round]) -> str:
    """The median with the least and the greatest, three digits each."""
    values = [each.value for each in rounds]
    if len(values) == 1:
        return _short(values[0])
    return f"{_short(middle(rounds))} ({_short(min(values))} to {_short(max(values))})"


def tails(rounds: Sequence[Round]) -> str:
    """The median of the 99th percentiles, empty if there are none."""
    found = [each.p99_ms for each in rounds if each.p99_ms is not None]
    return f"{statistics.median(found):.0f} ms" if found else ""


def alternate(count: int, *sides: Callable[[], Round]) -> list[list[Round]]:
    """Measure the sides in turn, so many times; the rounds of each."""
    rounds: list[list[Round]] = [[] for _ in sides]
    for _ in range(count):
        for side, kept in zip(sides, rounds, strict=True):
            kept.append(side())
    return rounds


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so great a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
