"""One run: the system under load, faults, then peace, and the proof that nothing was lost, doubled or stuck."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.system.chaos import checker, faults
from tests.system.chaos.checker import Findings
from tests.system.chaos.faults import Fault, Scene
from tests.system.chaos.supervisor import Supervisor, supervised
from tests.system.chaos.watcher import Watcher
from tests.system.chaos.workload import Workload

PATIENCE_S = 180


@dataclass(slots=True)
class Report:
    """What happened in a run.

    Attributes:
        seed: The seed that makes the same plan again.
        injected: How many faults of each kind there were.
        outcomes: How many requests of each kind had each outcome.
        findings: What the checker found; what else was wrong is among its violations.
        resumed: How often the watcher had to resume its stream.
        watched: How many events it had to see.
        logs: Where the logs are; gone if nothing was wrong.
    """

    seed: int
    injected: Counter[str]
    outcomes: Counter[tuple[str, str]]
    findings: Findings
    resumed: int
    watched: int
    logs: Path

    @property
    def violations(self) -> list[str]:
        """A sentence for everything that breaks a promise."""
        return self.findings.violations

    def table(self) -> str:
        """The whole of it for people."""
        return "\n".join(_lines(self))


def run(seed: int, lasts_s: float, say: Callable[[str], None], *, keeps_logs: bool = False) -> Report:
    """Break the system for a while, heal it, and check it.

    Args:
        seed: Of all chance.
        lasts_s: How long faults happen.
        say: Gets a line for everything that happens.
        keeps_logs: Whether the logs are kept although nothing is wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="los-chaos-"))
    say(f"seed {seed}, {lasts_s:g} s, logs in {folder}")
    with supervised(folder, seed) as system:
        planned = faults.plan(seed, lasts_s, processes=list(system.processes), links=list(system.proxy.links))
        workload = Workload(system.gateway_url, seed)
        with Watcher(system.gateway_url, workload.answers) as watcher:
            with workload:
                failed = _let_happen(system, planned, lasts_s, say)
                say("everything is healed")
                system.heal()
                workload.finish(PATIENCE_S)
            say("nobody asks any more")
            found = checker.find(system.owner_url, system.provider_logs, workload.answers, patience_s=PATIENCE_S)
            happened = checker.list_events_after(system.owner_url, watcher.first)
            found.violations += watcher.broken(happened, PATIENCE_S)
        say("checked")
    found.violations += [f"the outcome of a {kind} was never known" for kind in workload.never_known]
    found.violations += [f"parked: {job}" for job in found.parked]
    found.violations += system.ended_badly
    found.violations += failed
    if not found.violations and not keeps_logs:
        shutil.rmtree(folder)
    injected = Counter(fault.kind for fault in planned)
    return Report(seed, injected, workload.outcomes, found, watcher.resumed, len(happened), folder)


def _let_happen(system: Supervisor, planned: Sequence[Fault], lasts_s: float, say: Callable[[str], None]) -> list[str]:
    """Let every fault begin at its time and end; answer what went wrong with the faults themselves."""
    started = time.monotonic()
    scene = Scene(system)
    happening: list[tuple[Fault, Future[None]]] = []
    for fault in planned:
        scene.wait(max(0, started + fault.at_s - time.monotonic()))
        say(f"{time.monotonic() - started:6.1f}  {fault}")
        happening.append((fault, system.do(partial(faults.happen, fault, scene))))
    scene.wait(max(0, started + lasts_s - time.monotonic()))
    errors = [(fault, future.exception(PATIENCE_S)) for fault, future in happening]
    return [f"the harness could not {fault}: {error!r}" for fault, error in errors if error is not None]


def _lines(report: Report) -> Iterator[str]:
    """The table, line by line."""
    yield f"seed {report.seed}"
    yield f"\nfaults injected: {report.injected.total()}"
    for kind, count in sorted(report.injected.items()):
        yield f"  {kind:32}{count:>8}"
    yield "\nrequests"
    for (kind, outcome), count in sorted(report.outcomes.items()):
        yield f"  {kind:10}{outcome:48}{count:>8}"
    yield f"\nloans: {report.findings.loans.total()}"
    for status, count in sorted(report.findings.loans.items()):
        yield f"  {status:32}{count:>8}"
    yield f"\nevents watched: {report.watched}, resuming {report.resumed} times"
    yield f"messages repeated to the provider after an attempt was cut off: {report.findings.repeated_sends}"
    yield f"violations: {len(report.violations)}"
    for violation in report.violations:
        yield f"  {violation}"
    if report.violations:
        yield f"logs: {report.logs}"
