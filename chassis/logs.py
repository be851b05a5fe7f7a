"""Structured logs: one event a line, with the ids that were bound at the edge.

Whatever a caller binds (a request id, a job id) rides along in a context variable and appears in every line that is
written below it, so that no function passes ids around for the log's sake.

Values about people are written masked, by their type; and in the finished line, its traceback included, whatever looks
like a phone number or an e-mail address. See `chassis.personal`.
"""

import logging
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any, Literal

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import personal
from chassis.personal import Personal

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# Without the values of variables, which may be anybody's.
TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_BOUND: ContextVar[Mapping[str, str]] = ContextVar("bound", default=MappingProxyType({}))

# What structlog's own renderer gives a place of its own, or lines of their own.
_SPECIAL = frozenset({"exc_info", "exception", "logger", "logger_name", "stack"})
_MASKED = (Personal, dict, list, tuple)
_QUOTED = re.compile(r"[ \t=\r\n\"']")


class LogSettings(BaseSettings):
    """How to log: `console` for people, `json` for machines."""

    model_config = SettingsConfigDict(env_prefix="LOG_")

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


def bound(**ids: str) -> "_Bound":
    """Have these ids in every line that is written within a `with` block, by whatever it calls or waits for."""
    return _Bound(ids)


class _Bound:
    """Structlog's own variables, one for each id, cost twenty times as much: all of a context is searched for them."""

    __slots__ = ("_ids", "_token")

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        self._token = _BOUND.set({**_BOUND.get(), **self._ids})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _BOUND.reset(self._token)


def configure(service: str, settings: LogSettings) -> None:
    """Send structured logs, and the standard library's through them, to stderr.

    Args:
        service: The name that every line for machines carries.
        settings: Format and least level.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    as_json = settings.format == "json"
    added: list[structlog.types.Processor] = [
        add_bound,
        mask_values,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True) if as_json else _Clock(),
    ]
    if as_json:
        added.append(_named(service))
    rendered: list[structlog.types.Processor] = (
        [TRACEBACKS, structlog.processors.JSONRenderer(default=str), mask_line]
        if as_json
        else [console(has_colours=sys.stderr.isatty()), mask_line]
    )
    structlog.configure(
        processors=[*added, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one piece: others may write to the file
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=added,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def add_bound(
    _logger: structlog.types.WrappedLogger, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Add what is bound where a line is written, as a processor of structlog's."""
    for name, value in _BOUND.get().items():
        event.setdefault(name, value)
    return event


def mask_values(
    _logger: structlog.types.WrappedLogger, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Mask what is said of people, as a processor of structlog's: renderers would see the text and not its type."""
    for name, value in event.items():
        if isinstance(value, _MASKED):
            event[name] = _masked(value)
    return event


def _masked(value: object) -> object:
    """A value as JSON may write it."""
    if isinstance(value, Personal):
        return value.masked
    if isinstance(value, dict):
        return {_masked(name): _masked(held) for name, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(held) for held in value]
    return value


def mask_line(_logger: structlog.types.WrappedLogger, _method: str, line: Any) -> str:  # noqa: ANN401 -- as rendered
    """Mask numbers and addresses in a finished line that came as plain text, as the last processor of structlog's."""
    return personal.hidden(line)


def console(*, has_colours: bool) -> structlog.types.Processor:
    """What renders a line for people: structlog's own; without a terminal the same text, in a fraction of the time."""
    full = structlog.dev.ConsoleRenderer(
        colors=has_colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )

    def plain(
        logger: structlog.types.WrappedLogger, method: str, event: structlog.types.EventDict
    ) -> str | Mapping[str, Any]:
        if not _SPECIAL.isdisjoint(event):
            return full(logger, method, event)
        timestamp, level, said = event.pop("timestamp"), event.pop("level"), event.pop("event")
        values = "".join([f" {name}={_value(event[name])}" for name in sorted(event)])
        return f"{timestamp} [{level:9}] {said}{values}"

    return full if has_colours else plain


def _value(value: object) -> str:
    """A value as one word."""
    if isinstance(value, str):
        return repr(value) if _QUOTED.search(value) else value
    return repr(value)


class _Clock:
    """Adds the time of day, of which all but the fraction stays the same for a second."""

    def __init__(self) -> None:
        self._second = (0, "")

    def __call__(
        self, _logger: structlog.types.WrappedLogger, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        known, text = self._second
        if second != known:
            text = time.strftime("%H:%M:%S", time.localtime(second))
            self._second = (second, text)
        event["timestamp"] = f"{text}.{nanoseconds // 1_000:06}"
        return event


def _named(service: str) -> structlog.types.Processor:
    """Adds the service to every line; a context variable would be lost on each new thread."""

    def add(
        _logger: structlog.types.WrappedLogger, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        event["service"] = service
        return event

    return add
