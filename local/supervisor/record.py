"""`stack.json`: what runs where, for people, for `status` and `down`, and to recognise a crash afterwards."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from local.stack import PORT_OFFSETS, Stack, write_private


def write_running(
    stack: Stack, processes: dict[str, dict[str, Any]], settings: dict[str, Any], started_at: datetime
) -> None:
    """Writes the record of a running stack (mode 0600: it holds the publishable key and the addresses)."""
    _write(
        stack,
        {
            "pid": os.getpid(),
            "started_at": started_at.astimezone(UTC).isoformat(),
            "port_base": stack.port_base,
            "url": stack.url("gateway"),
            "publishable_key": stack.publishable_key,
            "ports": {name: stack.port(name) for name in PORT_OFFSETS},
            "settings": settings,
            "processes": processes,
        },
    )


def write_stopped(stack: Stack) -> None:
    """Writes the record of a stack that was stopped in the ordinary way: no pid, only where it was."""
    _write(stack, {"pid": None, "port_base": stack.port_base, "processes": {}})


def _write(stack: Stack, record: dict[str, Any]) -> None:
    write_private(stack.state / "stack.json", json.dumps(record, indent=2) + "\n")
