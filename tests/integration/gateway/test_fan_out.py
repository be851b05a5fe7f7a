"""Watchers of the same events share one stream of the service, each at its own pace."""

import contextlib
import json

import grpc
import pytest

from tests.integration.gateway.sse import Event, Watcher, watching
from tests.integration.gateway.stand import Running, Stand, Weather, eventually
from tests.integration.gateway.station import Readings


@pytest.fixture
def readings(stand: Stand) -> Readings:
    return Readings(stand)


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


def test_many_watchers_are_one_stream_upstream(gateway: Running, readings: Readings) -> None:
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(watching(gateway.port)) for _ in range(20)]
        assert {each.head()[0] for each in watchers} == {200}
        readings.publish(3)
        for each in watchers:
            events = each.next(3)
            assert ids(events) == ["1", "2", "3"]
            assert events[0].payload == {"reading_id": "1", "text": "", "number": 1}
        assert readings.opened == [""]
    eventually(lambda: readings.live == 0)


def test_all_forms_share_the_same_stream(gateway: Running, readings: Readings) -> None:
    with watching(gateway.port) as watcher:
        watcher.head()
        with gateway.client.stream("GET", "/v1/readings:watch", headers={"accept": "application/x-ndjson"}) as answered:
            lines = answered.iter_lines()
            readings.publish(1)
            assert json.loads(next(line for line in lines if line))["number"] == 1
    assert readings.opened == [""]


@pytest.mark.parametrize("headers", [{"Last-Event-ID": "2"}, {}])
def test_a_watcher_resumes_after_the_last_event_it_has_seen(
    gateway: Running, readings: Readings, headers: dict[str, str]
) -> None:
    readings.publish(4)
    path = "/v1/readings:watch" if headers else "/v1/readings:watch?after_id=2"
    with watching(gateway.port, path, headers) as watcher:
        watcher.head()
        assert ids(watcher.next(2)) == ["3", "4"]
        readings.publish(1)
        assert ids(watcher.next(1)) == ["5"]
    assert readings.opened == ["2"]


def test_the_header_of_a_browser_that_reconnects_wins_over_the_query_it_began_with(
    gateway: Running, readings: Readings
) -> None:
    readings.publish(3)
    with watching(gateway.port, "/v1/readings:watch?after_id=1", {"Last-Event-ID": "2"}) as watcher:
        watcher.head()
        assert ids(watcher.next(1)) == ["3"]


def test_who_resumes_from_a_recent_event_needs_no_stream_of_its_own(gateway: Running, readings: Readings) -> None:
    with watching(gateway.port) as first:
        first.head()
        readings.publish(3)
        assert ids(first.next(3)) == ["1", "2", "3"]
        with watching(gateway.port, headers={"Last-Event-ID": "1"}) as second:
            second.head()
            readings.publish(1)
            assert ids(second.next(3)) == ["2", "3", "4"]
    assert readings.opened == [""]


def test_who_resumes_from_an_old_event_catches_up_and_then_shares(stand: Stand, readings: Readings) -> None:
    readings.publish(5)
    with stand.gateway(recent_max=2) as running, watching(running.port) as first:
        first.head()
        readings.publish(3)
        assert ids(first.next(3)) == ["6", "7", "8"]
        with watching(running.port, headers={"Last-Event-ID": "1"}) as second:
            second.head()
            assert ids(second.next(7)) == ["2", "3", "4", "5", "6", "7", "8"]
            eventually(lambda: readings.live == 1)
            readings.publish(2)
            assert ids(second.next(2)) == ids(first.next(2)) == ["9", "10"]
    assert readings.opened == ["", "1"]


def test_who_catches_up_with_a_silent_stream_misses_and_repeats_nothing(gateway: Running, readings: Readings) -> None:
    readings.publish(3)
    with watching(gateway.port) as first:
        first.head()
        with watching(gateway.port, headers={"Last-Event-ID": "1"}) as second:
            second.head()
            assert ids(second.next(2)) == ["2", "3"]
            for number in range(4, 8):
                readings.publish(1)
                assert ids(second.next(1)) == ids(first.next(1)) == [str(number)]
            eventually(lambda: readings.live == 1)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/readings:watch?station=a", {}),
        ("/v1/readings:watch", {"Authorization": "Bearer x"}),
        ("/v1/readings:watch", {"Grpc-Metadata-Tenant": "t"}),
        ("/v1/readings:watch", {"Grpc-Timeout": "5S"}),
    ],
)
def test_who_asks_for_something_of_their_own_gets_a_stream_of_their_own(
    gateway: Running, readings: Readings, weather: Weather, path: str, headers: dict[str, str]
) -> None:
    with watching(gateway.port) as first:
        first.head()
        with watching(gateway.port, path, headers) as second:
            second.head()
            readings.publish(1)
            assert ids(first.next(1)) == ids(second.next(1)) == ["1"]
    assert len(readings.opened) == 2
    assert ("authorization" in weather.calls[1][1]) == ("Authorization" in headers)


def test_an_interruption_upstream_is_mended_and_nobody_misses_or_repeats_anything(
    gateway: Running, readings: Readings
) -> None:
    with watching(gateway.port) as first, watching(gateway.port) as second:
        for each in (first, second):
            each.head()
        readings.publish(2)
        assert ids(first.next(2)) == ids(second.next(2)) == ["1", "2"]
        readings.interrupt()
        readings.publish(2)
        assert ids(first.next(2)) == ids(second.next(2)) == ["3", "4"]
    assert readings.opened == ["", "2"]


@pytest.mark.parametrize(
    ("code", "status"), [(grpc.StatusCode.UNAVAILABLE, 503), (grpc.StatusCode.PERMISSION_DENIED, 403)]
)
def test_a_stream_that_cannot_be_opened_is_an_http_status_for_everybody(
    gateway: Running, weather: Weather, code: grpc.StatusCode, status: int
) -> None:
    weather.refuse("WatchReadings", code)
    for _ in range(2):
        assert gateway.client.get("/v1/readings:watch").status_code == status


def test_a_stream_that_ends_ends_for_everybody(gateway: Running, weather: Weather) -> None:
    weather.behaviours.pop("WatchReadings", None)
    assert gateway.client.get("/v1/readings:watch").json() == []
    assert weather.count("WatchReadings") == 1


def test_a_reader_that_is_too_slow_is_cut_off_with_a_clear_last_event_and_delays_nobody(
    stand: Stand, readings: Readings
) -> None:
    with (
        stand.gateway(recent_max=5) as running,
        watching(running.port, receive_bytes=4096) as slow,
        watching(running.port) as quick,
    ):
        quick.head()
        eventually(lambda: readings.live == 1)
        for number in range(1, 31):
            readings.publish(1, text="a" * 1_000_000)
            assert ids(quick.next(1)) == [str(number)]
        assert slow.head()[0] == 200
        *taken, last = [event for event in slow.events() if event.kind]
        assert ids(taken) == [str(number) for number in range(1, len(taken) + 1)]
        assert len(taken) < 30
        assert (last.kind, last.payload["code"]) == ("error", 8)
        assert last.payload["message"] == "too slow: the last 5 events were not taken in time"
        resume_from(running, taken[-1].id, quick, readings)


def resume_from(running: Running, last_id: str, quick: Watcher, readings: Readings) -> None:
    """Nothing is lost to who was cut off: the last event it has is where it goes on."""
    with watching(running.port, headers={"Last-Event-ID": last_id}) as again:
        again.head()
        assert ids(again.next(1)) == [str(int(last_id) + 1)]
    readings.publish(1)
    assert ids(quick.next(1)) == ["31"]


@pytest.mark.parametrize("path", ["/v1/readings:watch", "/v1/readings:watch?station=a"])
def test_a_reader_that_takes_nothing_any_more_is_let_go(stand: Stand, readings: Readings, path: str) -> None:
    with stand.gateway(send_timeout_s=0.3) as running, watching(running.port, path, receive_bytes=4096):
        eventually(lambda: readings.live == 1)
        readings.publish(20, text="a" * 1_000_000)
        eventually(lambda: readings.live == 0)
        eventually(lambda: not running.server.server_state.connections)


def test_a_stream_that_breaks_before_its_first_event_goes_on_from_where_it_began(
    gateway: Running, readings: Readings
) -> None:
    readings.tells_beginning = True
    readings.publish(2)
    with watching(gateway.port) as watcher:
        watcher.head()
        readings.interrupt_and_publish(3)
        assert ids(watcher.next(3)) == ["3", "4", "5"]
    assert readings.opened == ["", "2"]
