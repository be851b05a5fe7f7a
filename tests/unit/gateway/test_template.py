"""The path template grammar: what is a template, what is none and why, and what a path gives back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import template
from gateway.router import Route, Router
from gateway.template import Segment, TemplateError, Variable, Wildcard

ONE, REST = Wildcard.ONE, Wildcard.REST


@pytest.mark.parametrize(
    ("text", "segments", "verb", "variables"),
    [
        ("/", (), "", ()),
        ("/a", ("a",), "", ()),
        ("/a/b", ("a", "b"), "", ()),
        ("/*", (ONE,), "", ()),
        ("/**", (REST,), "", ()),
        ("/a/*/b", ("a", ONE, "b"), "", ()),
        ("/a/**", ("a", REST), "", ()),
        ("/a:verb", ("a",), "verb", ()),
        ("/*:verb", (ONE,), "verb", ()),
        ("/a/**:verb", ("a", REST), "verb", ()),
        ("/{x}", (ONE,), "", ((("x",), 0, 1, False),)),
        ("/{x=*}", (ONE,), "", ((("x",), 0, 1, False),)),
        ("/{x=**}", (REST,), "", ((("x",), 0, 1, True),)),
        ("/{x=a}", ("a",), "", ((("x",), 0, 1, False),)),
        ("/{x=a/*}", ("a", ONE), "", ((("x",), 0, 2, True),)),
        ("/{x=a/*/b/**}", ("a", ONE, "b", REST), "", ((("x",), 0, 4, True),)),
        ("/{x.y.z}", (ONE,), "", ((("x", "y", "z"), 0, 1, False),)),
        ("/{_x1}", (ONE,), "", ((("_x1",), 0, 1, False),)),
        ("/{x}:verb", (ONE,), "verb", ((("x",), 0, 1, False),)),
        ("/v1/{x=a/*}/c/{y}", ("v1", "a", ONE, "c", ONE), "", ((("x",), 1, 3, True), (("y",), 4, 5, False))),
        ("/a%20b", ("a b",), "", ()),
        ("/a%2Fb", ("a/b",), "", ()),
        ("/%C3%A4", ("\u00e4",), "", ()),
        ("/%7Bx%7D", ("{x}",), "", ()),
        ("/a:%76erb", ("a",), "verb", ()),
        ("/-._~!$&'()+,;=@", ("-._~!$&'()+,;=@",), "", ()),
    ],
)
def test_a_template_is_segments_a_verb_and_variables(
    text: str, segments: tuple[Segment, ...], verb: str, variables: tuple[tuple[tuple[str, ...], int, int, bool], ...]
) -> None:
    parsed = template.parse(text)
    expected = tuple(Variable(*each) for each in variables)
    assert (parsed.text, parsed.segments, parsed.verb, parsed.variables) == (text, segments, verb, expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "column 1: expected '/', found the end"),
        ("a", "column 1: expected '/', found 'a'"),
        ("//", "column 2: expected a segment, found '/'"),
        ("/:verb", "column 2: expected a segment, found ':'"),
        ("/a/", "column 4: expected a segment, found the end"),
        ("/a//b", "column 4: expected a segment, found '/'"),
        ("/a b", "column 3: expected '/', ':' or the end, found ' '"),
        ("/a?b", "column 3: expected '/', ':' or the end, found '?'"),
        ("/\u00e4", "column 2: expected a segment, found '\u00e4'"),
        ("/a%2", "column 3: expected '/', ':' or the end, found '%'"),
        ("/%FF", "are not UTF-8"),
        ("/a:", "column 4: expected a verb, found the end"),
        ("/a:b:c", "column 5: expected '/', ':' or the end, found ':'"),
        ("/a:b/c", "column 5: expected '/', ':' or the end, found '/'"),
        ("/a:*", "column 4: expected a verb, found '*'"),
        ("/***", "column 4: expected '/', ':' or the end, found '*'"),
        ("/a*", "column 3: expected '/', ':' or the end, found '*'"),
        ("/*a", "column 3: expected '/', ':' or the end, found 'a'"),
        ("/**/a", "'**' must be the last segment"),
        ("/{x=**}/a", "'**' must be the last segment"),
        ("/{x=**/a}", "'**' must be the last segment"),
        ("/**/**", "'**' must be the last segment"),
        ("/{", "column 3: expected a field path, found the end"),
        ("/{}", "column 3: expected a field path, found '}'"),
        ("/{1x}", "column 3: expected a field path, found '1'"),
        ("/{x-y}", "column 4: expected '}', found '-'"),
        ("/{x.}", "column 4: expected '}', found '.'"),
        ("/{.x}", "column 3: expected a field path, found '.'"),
        ("/{x", "column 4: expected '}', found the end"),
        ("/{x=}", "column 5: expected a segment, found '}'"),
        ("/{x=/a}", "column 5: expected a segment, found '/'"),
        ("/{x=a/}", "column 7: expected a segment, found '}'"),
        ("/{x={y}}", "column 5: expected a segment, found '{'"),
        ("/{x=a/{y}}", "column 7: expected a segment, found '{'"),
        ("/{x}{y}", "column 5: expected '/', ':' or the end, found '{'"),
        ("/a{x}", "column 3: expected '/', ':' or the end, found '{'"),
        ("/{x}a", "column 5: expected '/', ':' or the end, found 'a'"),
        ("/{x}/{x}", "x is bound twice"),
        ("/{x.y}/{x.y=a/*}", "x.y is bound twice"),
        ("/{x:y}", "column 4: expected '}', found ':'"),
    ],
)
def test_what_is_no_template_is_refused_with_its_column_and_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(TemplateError) as refused:
        template.parse(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("text", "values", "path"),
    [
        ("/", {}, "/"),
        ("/a%20b:%76", {}, "/a%20b:v"),
        ("/v1/{x}", {"x": "a/b c:d%"}, "/v1/a%2Fb%20c%3Ad%25"),
        ("/v1/{x=**}", {"x": "a/b c"}, "/v1/a/b%20c"),
        ("/v1/{x=a/*}/{y.z}:w", {"x": "a/1", "y.z": "\u00e4"}, "/v1/a/1/%C3%A4:w"),
    ],
)
def test_a_template_is_rendered_with_its_values_escaped(text: str, values: dict[str, str], path: str) -> None:
    assert template.parse(text).render(values) == path


@pytest.mark.parametrize("text", ["/*", "/a/**", "/{x}/*"])
def test_a_wildcard_outside_of_every_variable_cannot_be_rendered(text: str) -> None:
    parsed = template.parse(text)
    assert not parsed.is_renderable
    with pytest.raises(ValueError, match="outside of every variable"):
        parsed.render({"x": "a"})


def test_a_variable_without_value_cannot_be_rendered() -> None:
    with pytest.raises(KeyError):
        template.parse("/{x}").render({})


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
LITERALS = st.from_regex(r"[A-Za-z0-9._~-]{1,5}", fullmatch=True)


@given(
    literals=st.lists(LITERALS, max_size=3),
    singles=st.lists(WORDS, max_size=3),
    rest=st.none() | st.lists(WORDS.filter(lambda word: "/" not in word), max_size=3),
    verb=st.just("") | LITERALS,
)
def test_a_rendered_path_matches_its_template_and_gives_the_values_back(
    literals: list[str], singles: list[str], rest: list[str] | None, verb: str
) -> None:
    parts = [*literals, *(f"{{x.f{at}}}" for at in range(len(singles))), *([] if rest is None else ["{r=z/**}"])]
    text = "/" + "/".join(parts) + (f":{verb}" if verb and parts else "")
    values = {f"x.f{at}": word for at, word in enumerate(singles)}
    # An escaped slash would stay escaped in a variable of several segments; a segment of it may hold no other.
    if rest is not None:
        values["r"] = "/".join(["z", *rest])
    parsed = template.parse(text)
    found = Router([Route("GET", parsed, text)]).match("GET", parsed.render(values))
    assert found == (text, [values[variable.name] for variable in parsed.variables])
