"""Path templates in the words of OpenAPI, which knows variables of one segment only.

A variable of several segments is written out: `/v1/{name=shelves/*/books/*}` is `/v1/shelves/{name_1}/books/{name_2}`.
"""

from dataclasses import dataclass
from urllib.parse import quote

from gateway.template import Template, Wildcard


@dataclass(frozen=True, slots=True)
class Place:
    """A wildcard of a template, which is a parameter of the path.

    Attributes:
        name: What the parameter is called.
        variable: The index of the variable whose value it is; None if it is a part of one, or bound to nothing.
        description: What a schema does not say about it.
    """

    name: str
    variable: int | None
    description: str


def places(template: Template) -> list[Place]:
    """The wildcards of a template, in its order."""
    return [_place(template, at) for at, segment in enumerate(template.segments) if isinstance(segment, Wildcard)]


def text(template: Template, names: list[str]) -> str:
    """The path whose parameters, in their order, are called by these names."""
    remaining = iter(names)
    parts = [
        f"{{{next(remaining)}}}" if isinstance(segment, Wildcard) else quote(segment) for segment in template.segments
    ]
    verb = f":{quote(template.verb)}" if template.verb else ""
    return "/" + "/".join(parts) + verb


def _place(template: Template, at: int) -> Place:
    is_rest = template.segments[at] is Wildcard.REST
    note = "Takes all that is left of the path, slashes included." if is_rest else ""
    for index, variable in enumerate(template.variables):
        if variable.start <= at < variable.end:
            covered = template.segments[variable.start : variable.end]
            if len(covered) == 1:
                return Place(variable.name, index, note)
            written = "/".join(each.value if isinstance(each, Wildcard) else each for each in covered)
            wild = [
                place for place in range(variable.start, variable.end) if isinstance(template.segments[place], Wildcard)
            ]
            name = variable.name if len(wild) == 1 else f"{variable.name}_{wild.index(at) + 1}"
            return Place(name, None, f"A part of `{variable.name}`, which is `{written}`. {note}".strip())
    return Place(f"segment_{at + 1}", None, note)
