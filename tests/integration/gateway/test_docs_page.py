"""The page at /docs in a real browser: it shows every operation, and nobody else is asked for anything."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import rules
from tests.integration.gateway.stand import Running, Stand
from tests.unit.gateway import protos

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-extensions",
    ),
    *("--no-default-browser-check", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
]
PATIENCE_S = 120


@pytest.fixture(scope="module")
def documented(standing: Stand) -> Iterator[Running]:
    """A gateway for the default descriptor set; none of its upstreams is there."""
    packages = {binding.method.containing_service.file.package for binding in served()}
    upstreams = dict.fromkeys(packages, "127.0.0.1:1")
    with standing.gateway(descriptor_set=protos.LOANS, upstreams=upstreams, idle_timeout_s=PATIENCE_S) as running:
        yield running


@pytest.fixture(scope="module")
def visited(documented: Running, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What the page is in a browser after its scripts have run, and the browser's log of the net."""
    folder = tmp_path_factory.mktemp("browser")
    log = folder / "net.json"
    run = browse(
        folder, f"--log-net-log={log}", "--virtual-time-budget=20000", "--dump-dom", f"{address(documented)}/docs"
    )
    return run, json.loads(log.read_text())


def browse(folder: Path, *arguments: str) -> str:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert browser, f"one of {', '.join(BROWSERS)} must be installed"
    finished = subprocess.run(
        [browser, *QUIET, f"--user-data-dir={folder / 'profile'}", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return finished.stdout


def address(running: Running) -> str:
    return f"http://127.0.0.1:{running.port}"


def served() -> list[rules.Binding]:
    return rules.bindings(rules.load(protos.LOANS))


def test_the_page_shows_every_operation_though_no_upstream_is_there(visited: tuple[str, Any]) -> None:
    dom, _ = visited
    shown = set(re.findall(r'opblock-summary-method">([A-Z]+)<.*?data-path="([^"]+)"', dom, re.DOTALL))
    assert shown == {
        *((binding.verb, binding.template.text) for binding in served()),
        *{("GET", "/health"), ("GET", "/livez")},
    }


def events(log: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """What the browser noted of one kind."""
    number = log["constants"]["logEventTypes"][kind]
    return [event["params"] for event in log["events"] if event["type"] == number and "params" in event]


def test_the_page_asks_nobody_but_the_gateway(documented: Running, visited: tuple[str, dict[str, Any]]) -> None:
    """The browser itself would like to speak to its maker; what the page asks for has its address as initiator."""
    _, log = visited
    here = address(documented)
    requests = [each for each in events(log, "URL_REQUEST_START_JOB") if "url" in each]
    asked = {each["url"] for each in requests if each["initiator"] == here or each["url"].startswith(here)}
    pages = ("/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/openapi.json")
    assert {url for url in asked if not url.startswith("data:")} == {f"{here}{page}" for page in pages}


def test_no_connection_leaves_the_machine(documented: Running, visited: tuple[str, dict[str, Any]]) -> None:
    _, log = visited
    reached = {each["address"] for each in events(log, "TCP_CONNECT_ATTEMPT") if "address" in each}
    assert reached == {f"127.0.0.1:{documented.port}"}


def test_the_page_breaks_none_of_its_own_rules(documented: Running, tmp_path: Path) -> None:
    """The content security policy refuses nothing that the page needs, or the console would say so."""
    log = tmp_path / "console"
    browse(
        tmp_path,
        *("--enable-logging", "--v=0", f"--log-file={log}", "--virtual-time-budget=20000", "--dump-dom"),
        f"{address(documented)}/docs",
    )
    said = [line for line in log.read_text(errors="replace").splitlines() if "CONSOLE" in line]
    assert [line for line in said if "Content Security Policy" in line or "Error" in line] == []
