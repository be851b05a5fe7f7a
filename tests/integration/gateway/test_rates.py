"""What a gateway that knows its callers answers over HTTP, and what it lets through to the service."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chassis.errors import Unauthenticated
from tests.integration.gateway.stand import Running, Stand, Weather

STATIONS = "/v1/stations"
WATCH = "/v1/readings:watch"


def verify(token: str) -> str:
    if not token.startswith("genuine"):
        raise Unauthenticated("the token is not valid")
    return token


def bearing(token: str, address: str = "203.0.113.9") -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "x-forwarded-for": address}


@pytest.fixture
def guarded(stand: Stand) -> Iterator[Running]:
    """A gateway behind a proxy, that knows tokens."""
    few = {"address_burst": 6, "principal_burst": 4, "forgery_burst": 2}
    slow = {f"{name}_rate": 0.001 for name in ("address", "principal", "forgery")}
    with stand.gateway(verify=verify, proxies=1, **few, **slow) as running:
        yield running


@pytest.fixture
def tokens(weather: Weather) -> list[str]:
    """The authorization of every call that reaches the service."""
    found: list[str] = []

    async def behave(_request: Any, context: Any) -> Any:
        found.append(dict(context.invocation_metadata()).get("authorization", ""))
        return weather.make("ListStationsResponse")

    weather.behaviours["ListStations"] = behave
    return found


def get(gateway: Running, path: str = STATIONS, **headers: str) -> httpx.Response:
    return gateway.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_who_asks_too_often_is_told_when_to_come_back_and_reaches_nothing(guarded: Running, tokens: list[str]) -> None:
    answers = [guarded.client.get(STATIONS, headers=bearing("genuine")) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    refused = answers[-1]
    assert (refused.json()["code"], int(refused.headers["retry-after"]) > 0) == (8, True)
    assert tokens == ["Bearer genuine"] * 4


def test_a_token_that_is_not_valid_never_reaches_the_service(guarded: Running, tokens: list[str]) -> None:
    answers = [guarded.client.get(STATIONS, headers=bearing("forged")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert answers[0].json() == {"code": 16, "message": "the token is not valid", "details": []}
    assert tokens == []


def test_two_tokens_at_once_are_refused(guarded: Running, tokens: list[str]) -> None:
    headers = [("authorization", "Bearer genuine"), ("authorization", "Bearer genuine too")]
    assert guarded.client.get(STATIONS, headers=headers).status_code == 400
    assert tokens == []


def test_the_prefix_for_metadata_carries_no_token(guarded: Running, tokens: list[str]) -> None:
    assert get(guarded, grpc_metadata_authorization="Bearer genuine").status_code == 200
    assert tokens == [""]


def test_supervisors_are_answered_however_busy_their_address_is(guarded: Running, tokens: list[str]) -> None:
    busy = {"x-forwarded-for": "203.0.113.77"}
    assert [guarded.client.get(STATIONS, headers=busy).status_code for _ in range(7)] == [200] * 6 + [429]
    assert guarded.client.get("/docs", headers=busy).status_code == 429
    assert guarded.client.get("/livez", headers=busy).status_code == 200
    assert guarded.client.get("/health", headers=busy).status_code == 200
    assert len(tokens) == 6


def test_watchers_with_tokens_share_no_stream(guarded: Running, weather: Weather) -> None:
    found: list[str] = []

    async def behave(_request: Any, context: Any) -> Any:
        found.append(dict(context.invocation_metadata()).get("authorization", ""))
        yield weather.make("Reading")

    weather.behaviours["WatchReadings"] = behave
    for token in ("genuine one", "genuine two"):
        assert guarded.client.get(WATCH, headers=bearing(token)).status_code == 200
    assert found == ["Bearer genuine one", "Bearer genuine two"]
