"""Structured logging: one JSON object a line for machines, aligned text for people at a terminal."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog

from csms.api_key_form import FORM, PREFIX


def without_api_keys(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return a log entry with the secret part of API keys left out; a processor of structlog.

    Whoever puts a key into the path of a request must not find it in the log for all who read that.
    """
    for name, value in event.items():
        if isinstance(value, str) and PREFIX in value:
            event[name] = FORM.sub(rf"{PREFIX}\g<id>_***", value)
    return event


def strangers_in_one_line(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return a log entry without a traceback where Django refuses what somebody has sent; a processor of structlog.

    Any scanner sends a wrong Host with each request, and must not fill the disk by it.
    """
    if str(event.get("logger", "")).startswith("django.security."):
        event.pop("exc_info", None)
    return event


def printable(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return a log entry whose texts neither begin lines nor steer a terminal; a processor of structlog.

    JSON escapes by itself.
    """
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    return event


def configure(options: dict[str, Any]) -> None:
    """Set up logging for Django, Daphne, Uvicorn and this product alike; called by Django with `LOGGING`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        without_api_keys,
        strangers_in_one_line,
    ]
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if options["format"] == "json"
        # Never the renderer's own tracebacks: they print local variables, and with them keys and tags.
        else [
            printable,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                # Django's own handler would print every line a second time.
                "django": {"handlers": [], "level": "INFO", "propagate": True},
                "pymongo": {"level": "WARNING"},
                "daphne": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
