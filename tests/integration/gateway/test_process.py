"""The gateway as a process: its flags, its exit codes, and its end."""

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import ports
from tests.integration.gateway.stand import PACKAGE, WAIT_S, Stand, Weather, eventually

START_S = 30.0


def command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *flags]


def environment(**settings: str) -> dict[str, str]:
    """The environment without any setting of a gateway but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return kept | settings


def test_it_serves_what_its_flags_and_its_environment_name_and_ends_in_good_order(stand: Stand, tmp_path: Path) -> None:
    port = ports.free_port()
    descriptors = tmp_path / "weather.binpb"
    descriptors.write_bytes(stand.descriptor_set)
    flags = ["--listen", f"127.0.0.1:{port}", "--upstream", f"{PACKAGE}={stand.address}", "--lenient"]
    process = subprocess.Popen(command(*flags), env=environment(GATEWAY_DESCRIPTOR_SET=str(descriptors)))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            eventually(lambda: answers(client), START_S)
            assert client.get("/v1/stations/a?nothing=1").status_code == 200
            assert client.get("/health").json()["upstreams"] == {PACKAGE: "SERVING"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
    finally:
        process.kill()
        process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "GATEWAY_UPSTREAMS"),
        (["--upstream", "nonsense"], "package=host:port"),
        (["--upstream", "los.loan.v1=a:1", "--listen", "here"], "GATEWAY_LISTEN"),
        (["--upstream", "los.loan.v1=a:1", "--deadline-s", "-1"], "GATEWAY_DEADLINE_S"),
        (["--upstream", "los.loan.v1=a:1", "--descriptor-set", "/nowhere"], "GATEWAY_DESCRIPTOR_SET"),
        (["--upstream", "nothing.v1=a:1"], "upstream nothing.v1: the descriptor set has no such package or service"),
    ],
)
def test_settings_that_cannot_be_used_are_named_and_the_exit_code_is_2(flags: list[str], said: str) -> None:
    finished = subprocess.run(
        command(*flags), env=environment(), capture_output=True, text=True, timeout=START_S, check=False
    )
    assert finished.returncode == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_help_lists_every_setting(stand: Stand) -> None:
    finished = subprocess.run(command("--help"), env=environment(), capture_output=True, text=True, check=True)
    for flag in ("--upstream", "--descriptor-set", "--listen", "--lenient", "--cors-origins", "--body-max-bytes"):
        assert flag in finished.stdout
    assert stand.weather.calls == []


def test_what_is_under_way_is_finished_on_shutdown_and_nothing_new_is_taken(stand: Stand, weather: Weather) -> None:
    free = asyncio.Event()

    async def behave(_request: Any, _context: Any) -> Any:
        await free.wait()
        return weather.make("Station", title="done")

    weather.behaviours["GetStation"] = behave
    with stand.gateway() as running, ThreadPoolExecutor(1) as other:
        waiting = other.submit(running.client.get, "/v1/stations/a")
        eventually(lambda: weather.count("GetStation") == 1)
        running.server.should_exit = True
        eventually(lambda: not listens(running.port))
        stand.do(free.set)
        assert waiting.result(WAIT_S).json()["title"] == "done"


def test_what_takes_longer_than_a_shutdown_may_is_told_so(stand: Stand, weather: Weather) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        await asyncio.Event().wait()

    weather.behaviours["GetStation"] = behave
    with stand.gateway(drain_s=1) as running, ThreadPoolExecutor(1) as other:
        waiting = other.submit(running.client.get, "/v1/stations/a")
        eventually(lambda: weather.count("GetStation") == 1)
        running.server.should_exit = True
        answer = waiting.result(WAIT_S)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "unknown" in answer.json()["message"]


def listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/livez")
    except httpx.ConnectError:
        return False
    return True
