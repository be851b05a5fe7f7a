"""Matching: the most specific route wins, and a path that is known by other methods says which."""

import itertools

import pytest

from gateway import template
from gateway.errors import RefusedError
from gateway.router import Route, Router


def router(*routes: str) -> Router[str]:
    """A router for routes as in `GET /a/{x}`; each is its own target."""
    return Router(Route(each.split()[0], template.parse(each.split()[1]), each) for each in routes)


@pytest.mark.parametrize(
    ("routes", "path", "target", "values"),
    [
        (["GET /"], "/", "GET /", []),
        (["GET /a"], "/a", "GET /a", []),
        (["GET /{x}"], "/a", "GET /{x}", ["a"]),
        (["GET /**"], "/", "GET /**", []),
        (["GET /{x=**}"], "/", "GET /{x=**}", [""]),
        (["GET /{x=**}"], "/a/b/c", "GET /{x=**}", ["a/b/c"]),
        (["GET /a/{x=**}"], "/a", "GET /a/{x=**}", [""]),
        (["GET /a/{x=**}"], "/a/", "GET /a/{x=**}", [""]),
        (["GET /{x=a/*}"], "/a/b", "GET /{x=a/*}", ["a/b"]),
        (["GET /{x=a/**}"], "/a", "GET /{x=a/**}", ["a"]),
        (["GET /{x=a/*}/{y}"], "/a/b/c", "GET /{x=a/*}/{y}", ["a/b", "c"]),
        # The most specific wins, segment by segment from the left.
        (["GET /a/b", "GET /a/{x}", "GET /a/**"], "/a/b", "GET /a/b", []),
        (["GET /a/b", "GET /a/{x}", "GET /a/**"], "/a/c", "GET /a/{x}", ["c"]),
        (["GET /a/b", "GET /a/{x}", "GET /a/**"], "/a/c/d", "GET /a/**", []),
        (["GET /a/{x}", "GET /{y}/b"], "/a/b", "GET /a/{x}", ["b"]),
        (["GET /a/{x}/d", "GET /{y}/b/c"], "/a/b/c", "GET /{y}/b/c", ["a"]),
        (["GET /{x}/b", "GET /**"], "/a/b", "GET /{x}/b", ["a"]),
        (["GET /a/*/c", "GET /a/b/**"], "/a/b/c", "GET /a/b/**", []),
        (["GET /a/{x}", "GET /a/**"], "/a", "GET /a/**", []),
        # A verb that is served wins; other text after a colon belongs to the value.
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b:go", "GET /a/{x}:go", ["b"]),
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b:stay", "GET /a/{x}", ["b:stay"]),
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b:c:go", "GET /a/{x}:go", ["b:c"]),
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b:", "GET /a/{x}", ["b:"]),
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b%3Ago", "GET /a/{x}", ["b:go"]),
        (["GET /a/{x}", "GET /a/{x}:go"], "/a/b:g%6F", "GET /a/{x}:go", ["b"]),
        (["GET /a/b", "GET /a/{x}:go"], "/a/b:go", "GET /a/{x}:go", ["b"]),
        (["GET /a:go", "GET /{x}"], "/a:go", "GET /a:go", []),
        (["GET /a:go", "GET /{x}"], "/b:go", "GET /{x}", ["b:go"]),
        (["GET /a/{x=**}:go", "GET /a/**"], "/a/b/c:go", "GET /a/{x=**}:go", ["b/c"]),
        (["GET /a/{x=**}:go"], "/a:go", "GET /a/{x=**}:go", [""]),
        # Percent-decoding: everything in one segment, everything but a slash in several.
        (["GET /{x}"], "/a%2Fb%20%C3%A4", "GET /{x}", ["a/b \u00e4"]),
        (["GET /{x=**}"], "/a%2Fb/c%20d%2f", "GET /{x=**}", ["a%2Fb/c d%2f"]),
        (["GET /{x=*/*}"], "/a%2Fb/%63", "GET /{x=*/*}", ["a%2Fb/c"]),
        (["GET /a/{x}"], "/%61/b", "GET /a/{x}", ["b"]),
        (["GET /a%20b"], "/a%20b", "GET /a%20b", []),
        (["GET /a%2Fb"], "/a%2Fb", "GET /a%2Fb", []),
        (["GET /{x}"], "/a+b", "GET /{x}", ["a+b"]),
    ],
)
def test_the_most_specific_route_wins_whatever_the_order_of_registration(
    routes: list[str], path: str, target: str, values: list[str]
) -> None:
    for order in itertools.permutations(routes):
        assert router(*order).match("GET", path) == (target, values)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("GET /a", "/a/"),
        ("GET /a", "/A"),
        ("GET /a", "/"),
        ("GET /a", "//a"),
        ("GET /a", "a"),
        ("GET /a", ""),
        ("GET /a", "*"),
        ("GET /{x}", "/"),
        ("GET /{x}", "/a/"),
        ("GET /{x}", "/a/b"),
        ("GET /a/{x}", "/a/"),
        ("GET /a/{x}", "/a"),
        ("GET /a/{x}:go", "/a/:go"),
        ("GET /a/{x}:go", "/a/b"),
        ("GET /a/{x}:go", "/a/b:go/"),
        ("GET /a:go", "/a"),
        ("GET /a:go", "/a:Go"),
        ("GET /a/b", "/a%2Fb"),
        ("GET /{x=a/*}", "/a"),
        ("GET /{x=a/*}", "/b/c"),
    ],
)
def test_what_no_route_takes_is_unknown(route: str, path: str) -> None:
    assert router(route).match("GET", path) is None
    assert router(route).allowed(path) == set()


def test_a_trailing_slash_is_another_path() -> None:
    routes = router("GET /a/{x}", "GET /a/**")
    assert routes.match("GET", "/a/b") == ("GET /a/{x}", ["b"])
    assert routes.match("GET", "/a/b/") == ("GET /a/**", [])


@pytest.mark.parametrize(
    ("routes", "method", "path", "target"),
    [
        (["GET /a", "POST /a"], "POST", "/a", "POST /a"),
        (["GET /a", "* /a"], "GET", "/a", "GET /a"),
        (["GET /a", "* /a"], "PURGE", "/a", "* /a"),
        (["PURGE /a"], "PURGE", "/a", "PURGE /a"),
        # A less specific route with the right method serves what a more specific one does not.
        (["GET /a/b", "POST /a/{x}"], "POST", "/a/b", "POST /a/{x}"),
        (["POST /a/{x}:go", "GET /a/{x}"], "GET", "/a/b:go", "GET /a/{x}"),
    ],
)
def test_the_method_chooses_among_the_routes_of_a_path(routes: list[str], method: str, path: str, target: str) -> None:
    found = router(*routes).match(method, path)
    assert found is not None
    assert found[0] == target


@pytest.mark.parametrize(
    ("routes", "path", "methods"),
    [
        (["GET /a", "POST /a", "GET /b"], "/a", {"GET", "POST"}),
        (["GET /a/b", "POST /a/{x}", "PUT /a/**"], "/a/b", {"GET", "POST", "PUT"}),
        (["GET /a/{x}", "POST /a/{x}:go"], "/a/b:go", {"GET", "POST"}),
        (["POST /a/{x}:go"], "/a/b", set()),
    ],
)
def test_the_wrong_method_on_a_known_path_is_told_the_allowed_ones(
    routes: list[str], path: str, methods: set[str]
) -> None:
    assert router(*routes).match("DELETE", path) is None
    assert router(*routes).allowed(path) == methods


@pytest.mark.parametrize(
    "path", ["/a/%", "/a/%2", "/a/%zz", "/%/a", "/a/b%2:go", "/a/%FF", "/a/%C3%28", "/%FF", "/a:%FF"]
)
def test_a_path_with_broken_escapes_is_refused(path: str) -> None:
    with pytest.raises(RefusedError) as refused:
        router("GET /a/{x}", "GET /a/{x}:go", "GET /{y=**}").match("GET", path)
    assert refused.value.status == 400


def test_two_equal_templates_with_one_method_are_refused() -> None:
    with pytest.raises(ValueError, match=r"GET /a/\{y\} is served twice"):
        router("GET /a/{x}", "GET /a/{y}")
