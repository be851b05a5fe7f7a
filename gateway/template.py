"""The path template of google.api.http: `"/" Segments [":" verb]`.

A segment is a literal, `*` (one segment), `**` (all that is left, also nothing) or a variable `{field.path=segments}`,
where `{field.path}` stands for `{field.path=*}`. `**` comes last, and no variable stands within another.
"""

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_FIELD_PATH = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*")
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
_UNRESERVED = "-._~"
BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_ESCAPED_SLASH = re.compile("(%2[Ff])")


class TemplateError(ValueError):
    """The text is no path template; says in which column, counted from 1, and what was expected there."""


class Wildcard(enum.Enum):
    """What stands for segments that are not written out."""

    ONE = "*"
    REST = "**"


Segment = str | Wildcard


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that is bound to a field of the request.

    Attributes:
        path: The names from the request down to the field.
        start: The index of the first segment that belongs to it.
        end: The index after the last one; a `**` counts as one segment.
        is_multi: It covers more than one segment, so that an escaped slash stays escaped.
    """

    path: tuple[str, ...]
    start: int
    end: int
    is_multi: bool

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(self.path)

    def encoded(self, values: Mapping[str, str]) -> str:
        """Write the variable's value as it appears in a path."""
        return quote(values[self.name], safe=f"/{_UNRESERVED}" if self.is_multi else _UNRESERVED)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed path template.

    Attributes:
        text: As written.
        segments: Literals with their percent escapes decoded, and wildcards; `**` only as the last.
        verb: The text after the colon, decoded; empty without one.
        variables: In the order of the path.
    """

    text: str
    segments: tuple[Segment, ...]
    verb: str
    variables: tuple[Variable, ...]

    @property
    def shape(self) -> tuple[tuple[Segment, ...], str]:
        """What decides which paths match: two templates of one shape cannot be told apart."""
        return self.segments, self.verb

    @property
    def is_renderable(self) -> bool:
        """Tell whether variables and literals say everything there is to write."""
        covered = {at for variable in self.variables for at in range(variable.start, variable.end)}
        return all(at in covered for at, segment in enumerate(self.segments) if isinstance(segment, Wildcard))

    def values(self, segments: list[str]) -> list[str]:
        """Read the variables, in their order, from the raw segments of a path that matches.

        Raises:
            UnicodeDecodeError: An escape sequence is not UTF-8.
        """
        last = len(self.segments)
        return [
            decoded(segments[variable.start : None if variable.end == last else variable.end], variable.is_multi)
            for variable in self.variables
        ]

    def render(self, values: Mapping[str, str]) -> str:
        """Write the path in which each variable has its value from `values`, by dotted name.

        Raises:
            KeyError: A variable has no value.
            ValueError: A wildcard stands outside of every variable, so that nothing says what to write for it.
        """
        starts = {variable.start: variable for variable in self.variables}
        parts: list[str] = []
        at = 0
        while at < len(self.segments):
            variable = starts.get(at)
            parts.append(_written(self.segments[at]) if variable is None else variable.encoded(values))
            at = at + 1 if variable is None else variable.end
        path = "/" + "/".join(parts)
        return f"{path}:{quote(self.verb, safe=_UNRESERVED)}" if self.verb else path


def parse(text: str) -> Template:
    """Read a path template.

    Raises:
        TemplateError: It does not follow the grammar.
    """
    return _Parser(text).template()


def decoded(segments: list[str], is_multi: bool) -> str:
    """Undo percent-encoding: everything in a single segment, everything but an escaped slash in several.

    Raises:
        UnicodeDecodeError: An escape sequence is not UTF-8.
    """
    text = "/".join(segments)
    if "%" not in text:
        return text
    if not is_multi:
        return unquote(text, errors="strict")
    return "".join(
        part if index % 2 else unquote(part, errors="strict") for index, part in enumerate(_ESCAPED_SLASH.split(text))
    )


def _written(segment: Segment) -> str:
    """A literal as it appears in a path."""
    if isinstance(segment, Wildcard):
        raise ValueError(  # noqa: TRY004 -- a Wildcard is a Segment; it is this one that cannot be written
            f"{segment.value} stands outside of every variable"
        )
    return quote(segment, safe=_UNRESERVED)


class _Parser:
    """One pass over the text; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.segments: list[Segment] = []
        self.variables: list[Variable] = []

    def template(self) -> Template:
        self._expect("/")
        if self.at < len(self.text):
            self._segments(self._piece)
        verb = self._literal("a verb") if self._accept(":") else ""
        if self.at < len(self.text):
            raise self._error("'/', ':' or the end")
        if Wildcard.REST in self.segments[:-1]:
            raise TemplateError("'**' must be the last segment")
        return Template(self.text, tuple(self.segments), verb, tuple(self.variables))

    def _segments(self, read: Callable[[], None]) -> None:
        read()
        while self._accept("/"):
            read()

    def _piece(self) -> None:
        if not self._accept("{"):
            self._segment()
            return
        name = self._take(_FIELD_PATH, "a field path")
        path, start = tuple(name.split(".")), len(self.segments)
        if any(variable.path == path for variable in self.variables):
            raise TemplateError(f"{name} is bound twice")
        if self._accept("="):
            self._segments(self._segment)
        else:
            self.segments.append(Wildcard.ONE)
        self._expect("}")
        end = len(self.segments)
        self.variables.append(Variable(path, start, end, end - start > 1 or self.segments[start] is Wildcard.REST))

    def _segment(self) -> None:
        for wildcard in (Wildcard.REST, Wildcard.ONE):
            if self._accept(wildcard.value):
                self.segments.append(wildcard)
                return
        self.segments.append(self._literal("a segment"))

    def _literal(self, expected: str) -> str:
        try:
            return unquote(self._take(_LITERAL, expected), errors="strict")
        except UnicodeDecodeError:
            raise TemplateError(f"column {self.at}: the escape sequences are not UTF-8") from None

    def _take(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self._error(expected)
        self.at = found.end()
        return found.group()

    def _accept(self, token: str) -> bool:
        accepted = self.text.startswith(token, self.at)
        self.at += len(token) if accepted else 0
        return accepted

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error(repr(token))

    def _error(self, expected: str) -> TemplateError:
        found = repr(self.text[self.at]) if self.at < len(self.text) else "the end"
        return TemplateError(f"column {self.at + 1}: expected {expected}, found {found}")
