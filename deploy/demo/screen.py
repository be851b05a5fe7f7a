"""How the demonstration looks: live on a terminal, plain lines anywhere else."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import Progress
from rich.progress_bar import ProgressBar
from rich.table import Table

STATUSES = (
    "APPLIED",
    "PROCESSING",
    "UNDER_REVIEW",
    "APPROVED_BY_SYSTEM",
    "REJECTED_BY_SYSTEM",
    "APPROVED_BY_AGENT",
    "REJECTED_BY_AGENT",
    "WITHDRAWN",
    "EXPIRED",
)

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 200  # whoever reads a file or a pipe wants whole lines


def say(sentence: str) -> None:
    """Print a sentence that begins a step."""
    console.print(f"\n[bold]{sentence}[/bold]")


def show(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar that one more call of the function moves on; on no terminal, one line at its end."""
    if not console.is_terminal:
        yield lambda: None
        console.print(f"{what}: {total}")
        return
    with Progress(console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def live_counts(total: int) -> Iterator[Callable[[Counter[str]], None]]:
    """A function that shows counts of statuses: in place on a terminal, elsewhere as a line a second at most."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda counts: live.update(_bars(counts, total), refresh=True)
        return
    latest, printed_at = Counter[str](), -math.inf

    def print_line(counts: Counter[str]) -> None:
        nonlocal latest, printed_at
        latest = counts
        if time.monotonic() - printed_at >= 1:
            console.print(_line(counts))
            printed_at = time.monotonic()

    yield print_line
    console.print(_line(latest))


def clock(timestamp: str) -> str:
    """The time of day of a timestamp."""
    return timestamp[11:19]


def _bars(counts: Counter[str], total: int) -> Table:
    """A bar for each status."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for status in STATUSES:
        bar = ProgressBar(total=total, completed=counts[status], width=40)
        table.add_row(status, str(counts[status]).rjust(len(str(total))), bar)
    return table


def _line(counts: Counter[str]) -> str:
    """The counts in one line, without those of nothing."""
    return "  ".join(f"{status} {counts[status]}" for status in STATUSES if counts[status])
