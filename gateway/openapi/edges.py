"""What every document says in the same words: the gateway's own paths, and its failures."""

from typing import Any

from gateway import errors

INTRODUCTION = """\
Every path is a call of a gRPC method, written as JSON by the [proto3 JSON mapping](https://protobuf.dev/programming-guides/json/).

- An unknown field of a body or an unknown parameter of a query is refused. Fields are called as in their proto; the
  same names in camel case are understood as well.
- `null` in a body stands for a value that is not set.
- Every path answers `OPTIONS`, and where it answers `GET` also `HEAD`.
- A failure answers with the schema `Error`; its `message` is for people, `code` and `details` are for programs.
- `X-Request-Id` is taken over if it is sent, made up if not, and answered either way. `Grpc-Timeout` bounds the time
  that a call may take, for example `500m` for half a second."""

TAG = {"name": "gateway", "description": "What the gateway says of itself."}

ERROR = "#/components/schemas/Error"
_ALREADY_EXISTS = 6
_PERMISSION_DENIED = 7
_HEALTH = "#/components/schemas/Health"

_DETAIL = {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]}

SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "description": "A failure, in the form of google.rpc.Status.",
        "properties": {
            "code": {"type": "integer", "description": "The gRPC code.", "minimum": 1, "maximum": 16},
            "message": {"type": "string", "description": "What went wrong, in a sentence for people."},
            "details": {
                "type": "array",
                "description": "For programs: every field at fault, or an identifier of the reason.",
                "items": _DETAIL,
            },
        },
        "required": ["code", "message", "details"],
    },
    "Health": {
        "type": "object",
        "description": "Whether everything that the gateway needs can be reached.",
        "properties": {
            "status": {"type": "string", "enum": ["SERVING", "NOT_SERVING"]},
            "upstreams": {
                "type": "object",
                "description": "The state of every upstream, as its own health check says.",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["status", "upstreams"],
    },
}

_FIELD_AT_FAULT = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "field_violations": [{"field": "size", "description": "must be an integer"}],
}


def _failure(description: str, code: int, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    media = {"schema": {"$ref": ERROR}, "example": {"code": code, "message": message, "details": list(details)}}
    return {"description": description, "content": {"application/json": media}}


def _passing_failure(description: str, code: int, message: str) -> dict[str, Any]:
    wait = {"description": "Seconds to wait before trying again.", "schema": {"type": "string"}}
    return _failure(description, code, message) | {"headers": {"Retry-After": wait}}


RESPONSES: dict[str, Any] = {
    "BadRequest": _failure(
        "Something is wrong with the request; the details name every field at fault.",
        errors.INVALID_ARGUMENT,
        "size: must be an integer",
        _FIELD_AT_FAULT,
    ),
    "Unauthorized": _failure("There is no token, or it is not valid.", errors.UNAUTHENTICATED, "the token is not valid")
    | {"headers": {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}},
    "Forbidden": _failure("The caller may not do this.", _PERMISSION_DENIED, "your role may not do this"),
    "NotFound": _failure("There is no such thing.", errors.NOT_FOUND, "there is none with this identifier"),
    "Conflict": _failure("It exists already, or somebody was faster.", _ALREADY_EXISTS, "it exists already"),
    "ContentTooLarge": _failure("The body is too large.", errors.RESOURCE_EXHAUSTED, "the body is too large"),
    "UnsupportedMediaType": _failure(
        "The body is of another type.", errors.INVALID_ARGUMENT, "the content type must be application/json"
    ),
    "TooManyRequests": _passing_failure("Too much at once.", errors.RESOURCE_EXHAUSTED, "too many requests at once"),
    "InternalServerError": _failure(
        "Something unforeseen happened; the message names the request.", errors.INTERNAL, "internal error"
    ),
    "ServiceUnavailable": _passing_failure(
        "The service cannot be reached at the moment.", errors.UNAVAILABLE, "the service cannot be reached"
    ),
    "GatewayTimeout": _failure(
        "The service did not answer in time.", errors.DEADLINE_EXCEEDED, "the service did not answer in time"
    ),
    "Failure": _failure("Any other failure.", errors.UNKNOWN, "the service failed"),
}

_EVERYWHERE = {
    "400": "BadRequest",
    "429": "TooManyRequests",
    "500": "InternalServerError",
    "503": "ServiceUnavailable",
    "504": "GatewayTimeout",
    "default": "Failure",
}


ACCESS_FAILURES: dict[str, Any] = {
    "401": {"$ref": "#/components/responses/Unauthorized"},
    "403": {"$ref": "#/components/responses/Forbidden"},
}
"""Of operations that not everybody may call."""


def failures(*, names_something: bool, changes_something: bool, has_body: bool) -> dict[str, Any]:
    """The failures of an operation, by HTTP status."""
    found = dict(_EVERYWHERE)
    if names_something:
        found["404"] = "NotFound"
    if changes_something:
        found["409"] = "Conflict"
    if has_body:
        found |= {"413": "ContentTooLarge", "415": "UnsupportedMediaType"}
    return {status: {"$ref": f"#/components/responses/{found[status]}"} for status in sorted(found)}


def _edge(name: str, summary: str, answers: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _HEALTH}}}
    responses = {status: {"description": text, "content": content} for status, text in answers.items()}
    return {"get": {"tags": [TAG["name"]], "operationId": name, "summary": summary, "responses": responses}}


PATHS: dict[str, Any] = {
    "/health": _edge(
        "health",
        "Tells whether every upstream can serve",
        {"200": "All of them can.", "503": "At least one cannot."},
    ),
    "/livez": _edge("livez", "Tells that the gateway is up, whatever its upstreams do", {"200": "It is."}),
}
