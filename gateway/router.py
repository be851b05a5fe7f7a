"""From an HTTP method and a raw path to a route: built once, then frozen.

The most specific template wins, segment by segment from the left: a literal, then `*`, then `**`. The order in which
routes are registered never matters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway import template
from gateway.errors import RefusedError
from gateway.template import Template, Wildcard

Target = TypeVar("Target")

ANY_METHOD = "*"


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    """A template and what is served there.

    Attributes:
        method: The HTTP method; `*` takes those that no equal template takes.
        template: The path.
        target: Given back on a match.
    """

    method: str
    template: Template
    target: Target


class _Node(Generic[Target]):
    """What may follow the segments on the way here, and the routes that end here by verb and method."""

    __slots__ = ("literals", "one", "rest", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[Target]] = {}
        self.one: _Node[Target] | None = None
        self.rest: _Node[Target] | None = None
        self.routes: dict[str, dict[str, Route[Target]]] = {}

    def child(self, segment: template.Segment) -> "_Node[Target]":
        if isinstance(segment, str):
            return self.literals.setdefault(segment, _Node())
        if segment is Wildcard.ONE:
            self.one = self.one or _Node()
            return self.one
        self.rest = self.rest or _Node()
        return self.rest


class Router(Generic[Target]):
    """Finds the route for a request."""

    def __init__(self, routes: Iterable[Route[Target]]) -> None:
        self._root: _Node[Target] = _Node()
        self._literal: dict[str, dict[str, Route[Target]]] = {}  # whole paths without variable: no walk is needed
        for route in routes:
            node = self._root
            for segment in route.template.segments:
                node = node.child(segment)
            methods = node.routes.setdefault(route.template.verb, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.template.text} is served twice")
            methods[route.method] = route
            if all(isinstance(segment, str) for segment in route.template.segments):
                self._literal[route.template.render({})] = methods

    def match(self, method: str, path: str) -> tuple[Target, list[str]] | None:
        """Find what is served, and the values of the template's variables.

        Args:
            method: The HTTP method.
            path: As it came, still percent-encoded.

        Raises:
            RefusedError: The path's percent-encoding is broken.
        """
        literal = self._literal.get(path)
        if literal is not None and method in literal:
            return literal[method].target, []
        for methods, segments in self._found(path):
            route = methods.get(method) or methods.get(ANY_METHOD)
            if route is not None:
                try:
                    return route.target, route.template.values(segments)
                except UnicodeDecodeError:
                    raise RefusedError(400, "the path is not UTF-8") from None
        return None

    def allowed(self, path: str) -> set[str]:
        """Answer the methods that the path is served with; none if the path is unknown."""
        return {method for methods, _ in self._found(path) for method in methods}

    def _found(self, path: str) -> Iterator[tuple[dict[str, Route[Target]], list[str]]]:
        """Everything the path matches, the most specific first: a verb that is served, then none."""
        if "%" in path and template.BROKEN_ESCAPE.search(path):
            raise RefusedError(400, "the path has a broken percent-escape")
        if not path.startswith("/"):
            return
        segments = path[1:].split("/") if path != "/" else []
        if segments and ":" in segments[-1]:
            last, _, written = segments[-1].rpartition(":")
            within = [*segments[:-1], last]
            [verb] = _decoded([written])
            for node in _walk(self._root, _decoded(within), 0):
                if verb and verb in node.routes:
                    yield node.routes[verb], within
        for node in _walk(self._root, _decoded(segments), 0):
            if "" in node.routes:
                yield node.routes[""], segments


def _decoded(segments: list[str]) -> list[str]:
    """Each segment as literals are compared with it."""
    try:
        return [template.decoded([segment], is_multi=False) for segment in segments]
    except UnicodeDecodeError:
        raise RefusedError(400, "the path is not UTF-8") from None


def _walk(node: _Node[Target], segments: list[str], at: int) -> Iterator[_Node[Target]]:
    """The nodes that take all segments, the most specific first."""
    if at == len(segments):
        if node.routes:
            yield node
    else:
        literal = node.literals.get(segments[at])
        if literal is not None:
            yield from _walk(literal, segments, at + 1)
        if node.one is not None and segments[at]:
            yield from _walk(node.one, segments, at + 1)
    if node.rest is not None:
        yield node.rest
