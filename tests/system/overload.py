"""Measure what is left of the system under three times what it takes: `python -m tests.system.overload [SECONDS]`.

The peak is the most that clients get who each wait for their answer, 64 or 256 or 512 of them. Then 2,000 connections
ask for three times as much, and do not come back later when they are told to; then a herd of 500 waits for the loan
service to come back. Clients and system share this machine, so the figures are for comparing with each other.
"""

import asyncio
import re
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from deploy import postgres
from deploy.processes import wait_until
from tests.system.chaos import checker
from tests.system.chaos.checker import Answers
from tests.system.conftest import RunningSystem, run_system
from tests.system.horde import Horde, Tally

LASTS_S = 60.0
PEAK_CLIENTS, CLIENTS, HERD = (64, 256, 512), 2_000, 500
TIMES = 3
PATIENCE_S = 600


def main(lasts_s: float) -> int:
    """Measure, print, and answer the exit code: 1 if anything was lost, doubled, or refused dishonestly."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="los-overload-") as folder:
        server = postgres.Server(Path(folder))
        server.start()
        try:
            with run_system(server, "overload") as system:
                return _measure(system, lasts_s)
        finally:
            server.stop()


def _measure(system: RunningSystem, lasts_s: float) -> int:
    answers = Answers()
    peak_per_s = 0.0
    for clients in PEAK_CLIENTS:
        at_rest = asyncio.run(Horde(system.gateway_url, answers, heeds=False).submit(clients, lasts_s / 4))
        _say(f"{clients} clients who wait", at_rest, lasts_s / 4)
        peak_per_s = max(peak_per_s, at_rest.statuses[201] / (lasts_s / 4))
        _wait_for_quiet(system)

    looks = _Looks(system.gateway_url)
    horde = Horde(system.gateway_url, answers, heeds=False)
    over = asyncio.run(horde.submit(CLIENTS, lasts_s, per_s=TIMES * peak_per_s))
    _say(f"{TIMES} times as much, {CLIENTS} clients", over, lasts_s)
    print(f"  goodput                {over.statuses[201] / lasts_s / peak_per_s:.0%} of the peak")
    refused = _refusals_ms(system)
    middle, late = refused[len(refused) // 2], refused[int(len(refused) * 0.99)]
    print(f"  429 within the gateway p50 {middle:.1f} ms   p99 {late:.1f} ms")
    looks.end()
    ended = time.monotonic()
    after = asyncio.run(Horde(system.gateway_url, answers, heeds=False).submit(1, 5))
    print(f"  after its end          the next submit took {after.took_s[201][0] * 1000:.0f} ms, all {after.statuses}")
    _wait_for_quiet(system)
    print(f"  backlog done           {time.monotonic() - ended:.0f} s after its end")

    herd, took_s = _herd(system, answers)
    _say(f"herd of {HERD} after an outage of 10 s", herd, took_s)
    found = checker.find(system.owner_url, [system.processes["notification"].log], answers, patience_s=PATIENCE_S)
    dishonest = len(over.dishonest) + len(herd.dishonest)
    print(f"violations: {found.violations}, parked: {found.parked}, dishonest refusals: {dishonest}")
    return int(bool(found.violations or found.parked or dishonest))


def _refusals_ms(system: RunningSystem) -> list[float]:
    """How long the gateway itself took for each 429, in order: what clients see holds their own slowness too."""
    said = system.processes["gateway"].log.read_text(errors="replace")
    return sorted(float(took) for took in re.findall(r"duration_ms=([0-9.]+) .*status=429", said)) or [0.0]


def _herd(system: RunningSystem, answers: Answers) -> tuple[Tally, float]:
    """Everybody at once, while the loan service is away, until each has a loan; how long it took from its return."""
    system.kill_process("loan")
    horde = Horde(system.gateway_url, answers, heeds=True)
    served = threading.Thread(target=lambda: asyncio.run(horde.submit(HERD, PATIENCE_S, each_once=True)))
    served.start()
    time.sleep(10)
    system.processes["loan"].start()
    system.wait_until_process_serves("loan")
    started = time.monotonic()
    served.join()
    return horde.tally, time.monotonic() - started


class _Looks:
    """Looks at the health page twice a second until the end, then says what it said."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._enough = threading.Event()
        self._seen: list[int] = []
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> None:
        self._enough.set()
        self._thread.join()
        well = self._seen.count(200)
        print(f"  health meanwhile       200 in {well} of {len(self._seen)} looks")

    def _look(self) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._enough.wait(0.5):
                self._seen.append(client.get("/health").status_code)


def _wait_for_quiet(system: RunningSystem) -> None:
    left = "SELECT (SELECT count(*) FROM loan.jobs WHERE kind <> key) + (SELECT count(*) FROM notification.jobs)"
    wait_until(lambda: system.rows(left) == [(0,)], "all work to be done", PATIENCE_S)


def _say(what: str, tally: Tally, lasts_s: float) -> None:
    print(f"{what}, {lasts_s:.1f} s")
    for status, number in sorted(tally.statuses.items()):
        took = sorted(tally.took_s[status])
        middle, late = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
        print(f"  {status}   {number:>8}  {number / lasts_s:>7.0f}/s   p50 {middle:>6.0f} ms   p99 {late:>6.0f} ms")


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else LASTS_S))
