"""How often callers may ask, by address and by token; the clock is the test's."""

import tracemalloc
from collections.abc import Sequence

import pytest

from chassis.errors import Unauthenticated, Unavailable
from gateway.app.callers import Callers
from gateway.app.exchange import Exchange, Message
from gateway.app.limits import Limits
from gateway.errors import RefusedError

ADDRESS = "203.0.113.9"
SMALL = {
    **{f"{name}_rate": 1.0 for name in ("address", "principal", "creation", "forgery")},
    "address_burst": 8.0,
    "principal_burst": 4.0,
    "creation_burst": 2.0,
    "forgery_burst": 3.0,
}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def _no_body() -> Message:
    raise AssertionError("the body is not read")


async def _no_answer(_: Message) -> None:
    raise AssertionError("nothing is answered yet")


def request(address: str | None = ADDRESS, headers: Sequence[tuple[bytes, bytes]] = ()) -> Exchange:
    client = None if address is None else (address, 40_000)
    scope = {
        "http_version": "1.1", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": list(headers), "client": client,
    }  # fmt: skip
    return Exchange(scope, _no_body, _no_answer)


def verify(token: str) -> str:
    if token == "away":
        raise Unavailable("the issuer's keys are not known yet")
    if not token.startswith("genuine"):
        raise Unauthenticated("the token is not valid")
    return token


def bearing(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {token}".encode())]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def callers(clock: Clock, *, closed: bool = True, **settings: float) -> Callers:
    return Callers(Limits.model_validate({**SMALL, **settings}), verify if closed else None, clock)


def asks(of: Callers, exchange: Exchange, *, creates: bool = False) -> int:
    """The status that the gateway refuses with; 200 if it lets the call through."""
    try:
        of.admit(exchange, of.admit_address(exchange), creates=creates)
    except RefusedError as error:
        return error.status
    return 200


def how_many(of: Callers, exchange: Exchange, *, creates: bool = False) -> int:
    """How many calls are let through before one is refused."""
    return next(count for count in range(1_000) if asks(of, exchange, creates=creates) != 200)


def test_an_address_may_ask_so_often_and_is_told_when_to_come_back(clock: Clock) -> None:
    of = callers(clock)
    assert how_many(of, request()) == 8
    with pytest.raises(RefusedError) as refused:
        of.admit_address(request())
    assert (refused.value.status, dict(refused.value.headers)) == (429, {b"retry-after": b"1"})
    clock.now += 2
    assert how_many(of, request()) == 2


def test_one_address_does_not_use_up_what_another_may_ask(clock: Clock) -> None:
    of = callers(clock)
    how_many(of, request())
    assert asks(of, request("203.0.113.10")) == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_addresses_of_one_network_or_spelling_are_one(clock: Clock, one: str, other: str) -> None:
    of = callers(clock)
    how_many(of, request(one))
    assert asks(of, request(other)) == 429
    assert asks(of, request("2001:db8:1:3::1")) == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", None, ""])
def test_this_machine_is_not_limited_by_its_address(clock: Clock, address: str | None) -> None:
    of = callers(clock, closed=False)
    assert [asks(of, request(address)) for _ in range(100)] == [200] * 100


def test_a_subject_may_ask_so_often_from_however_many_addresses(clock: Clock) -> None:
    of = callers(clock)
    answers = [asks(of, request(f"203.0.113.{number}", bearing("genuine"))) for number in range(6)]
    assert answers == [200] * 4 + [429] * 2
    assert asks(of, request("127.0.0.1", bearing("genuine"))) == 429
    assert asks(of, request("203.0.113.7", bearing("genuine too"))) == 200


@pytest.mark.parametrize("headers", [[], bearing("genuine")], ids=["by address", "by token"])
def test_making_something_new_is_limited_more_strictly(clock: Clock, headers: list[tuple[bytes, bytes]]) -> None:
    of = callers(clock)
    assert how_many(of, request(headers=headers), creates=True) == 2
    assert asks(of, request(headers=headers)) == 200


def test_a_token_that_is_not_valid_is_refused_and_guessing_is_slow(clock: Clock) -> None:
    of = callers(clock, address_rate=0)
    answers = [asks(of, request(headers=bearing(f"guess {number}"))) for number in range(5)]
    assert answers == [401, 401, 401, 429, 429]
    assert asks(of, request(headers=bearing("genuine"))) == 200


@pytest.mark.parametrize("sent", [b"Basic Zm9vOmJhcg==", b"genuine", b"", b"Bearer", b"Bearergenuine", b"\xff\xfe"])
def test_anything_but_a_bearer_token_is_refused(clock: Clock, sent: bytes) -> None:
    assert asks(callers(clock), request(headers=[(b"authorization", sent)])) == 401


def test_while_nobody_can_tell_tokens_they_are_not_refused_as_invalid(clock: Clock) -> None:
    assert asks(callers(clock), request(headers=bearing("away"))) == 503


def test_a_call_without_a_token_is_let_through_for_the_service_to_judge(clock: Clock) -> None:
    assert asks(callers(clock), request()) == 200


def test_an_open_gateway_does_not_look_at_tokens(clock: Clock) -> None:
    assert asks(callers(clock, closed=False), request(headers=bearing("whatever"))) == 200


def forwarded(*values: bytes, address: str = "127.0.0.1") -> Exchange:
    return request(address, [(b"x-forwarded-for", value) for value in values])


def test_nobody_chooses_their_address_where_no_proxy_is_declared(clock: Clock) -> None:
    of = callers(clock)
    answers = [asks(of, forwarded(b"198.51.100.%d" % number, address=ADDRESS)) for number in range(10)]
    assert answers == [200] * 8 + [429] * 2


def test_behind_proxies_the_address_is_what_the_outermost_of_them_saw(clock: Clock) -> None:
    of = callers(clock, proxies=2)
    for number in range(8):
        assert asks(of, forwarded(b"198.51.100.%d" % number, b"203.0.113.9, 10.0.0.1")) == 200
    assert asks(of, forwarded(b"203.0.113.9, 10.0.0.2")) == 429
    assert asks(of, forwarded(b"203.0.113.10, 10.0.0.1")) == 200


@pytest.mark.parametrize(
    "sent", [(), (b"only one",), (b", ",), (b"198.51.100.7:4711, x",), (b"127.0.0.1, x",), (b"[2001:db8::1]:80, x",)]
)
def test_without_a_word_of_its_proxies_the_connection_counts(clock: Clock, sent: tuple[bytes, ...]) -> None:
    of = callers(clock, proxies=2)
    how_many(of, request())
    assert asks(of, forwarded(*sent, address=ADDRESS)) == 429


def test_a_limit_of_zero_is_none(clock: Clock) -> None:
    of = callers(clock, address_rate=0, creation_rate=0)
    assert [asks(of, request(), creates=True) for _ in range(100)] == [200] * 100


def test_a_flood_from_many_addresses_takes_bounded_memory(clock: Clock) -> None:
    of = callers(clock, callers_max=1_000)
    tracemalloc.start()
    try:
        for number in range(20_000):  # twenty times as many as are remembered
            asks(of, request(f"198.{number >> 16}.{number >> 8 & 255}.{number & 255}"), creates=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
