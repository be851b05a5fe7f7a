"""Structured logs: one event a line, with the ids that were bound at the edge.

Whatever a caller binds (a request id, a job id) rides along in a context variable and appears in every line that is
written below it, so that no function passes ids around for the log's sake.
"""

import logging
import sys
from typing import Literal

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# Without the values of variables, which may be anybody's.
TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

bound = structlog.contextvars.bound_contextvars
bind = structlog.contextvars.bind_contextvars


class LogSettings(BaseSettings):
    """How to log: `console` for people, `json` for machines."""

    model_config = SettingsConfigDict(env_prefix="LOG_")

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


def configure(service: str, settings: LogSettings) -> None:
    """Send structured logs, and the standard library's through them, to stderr.

    Args:
        service: The name that every line for machines carries.
        settings: Format and least level.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    as_json = settings.format == "json"
    added: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S.%f", utc=as_json),
    ]
    if as_json:
        added.append(_named(service))
    rendered: list[structlog.types.Processor] = (
        [TRACEBACKS, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
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


def _named(service: str) -> structlog.types.Processor:
    """Adds the service to every line; a context variable would be lost on each new thread."""

    def add(
        _logger: structlog.types.WrappedLogger, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        event["service"] = service
        return event

    return add
