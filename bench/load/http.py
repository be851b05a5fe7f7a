"""Load over HTTP, by wrk."""

import json
import shutil
import subprocess
from pathlib import Path

from bench.measure import Round
from deploy.processes import CannotRun

SUBMIT = Path(__file__).parent / "submit.lua"


def submits(url: str, *, connections: int = 64, seconds: int = 4) -> Round:
    """Submit loans as fast as the connections go; requests per second.

    Raises:
        CannotRun: wrk is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise CannotRun("wrk is needed (Debian: apt-get install wrk)")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SUBMIT), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(said.splitlines()[-1])
    return Round(found["requests"] / found["seconds"], found["errors"], found["p99_ms"])
