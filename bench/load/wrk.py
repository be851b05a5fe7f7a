"""Load over HTTP, by wrk."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from bench.measure import Round
from deploy.processes import CannotRun

SCRIPTS = Path(__file__).parent


def submits(url: str, *, connections: int = 64, seconds: int = 4, token: str = "") -> Round:
    """Submit loans as fast as the connections go, with a token if there is one; requests per second.

    Raises:
        CannotRun: wrk is not installed.
    """
    return _run("submit.lua", url, connections, seconds, token)


def gets(url: str, *, connections: int, seconds: int) -> Round:
    """Get the same again and again; requests per second.

    Raises:
        CannotRun: wrk is not installed.
    """
    return _run("said.lua", url, connections, seconds)


def _run(script: str, url: str, connections: int, seconds: int, token: str = "") -> Round:
    program = shutil.which("wrk")
    if program is None:
        raise CannotRun("wrk is needed (Debian: apt-get install wrk)")
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url]
    environment = {**os.environ, "TOKEN": token}
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=SCRIPTS, env=environment).stdout
    found = json.loads(said.splitlines()[-1])
    return Round(found["requests"] / found["seconds"], found["errors"], found["p99_ms"])
