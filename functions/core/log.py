"""Structured logs: one JSON object a line, in the shape Cloud Logging reads; never a secret in it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import structlog

# Cloud Logging reads `severity` and `message`.
_SEVERITY = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}
_SECRET_WORDS = ("secret", "password", "token", "authorization", "api_key", "apikey")


def _cloud_shape(_logger: Any, method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    fields["severity"] = _SEVERITY.get(method, "ERROR")
    fields["message"] = fields.pop("event", "")
    return fields


def _hide_secrets(_logger: Any, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: _shown(name, value) for name, value in fields.items()}


def _shown(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return "[hidden]"
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown("", inner) for inner in value]
    return value


@cache
def _configure() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _hide_secrets,
            _cloud_shape,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes JSON lines to standard error, with `name` as its component."""
    _configure()
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(component=name)
    return bound
