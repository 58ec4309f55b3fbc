"""The exit codes, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from functions.core.errors import AgentTraderError, BadInput, Misconfigured, Unavailable
from local.supervisor.errors import AlreadyRunning


class Exit(IntEnum):
    FINE = 0
    CHECK_FAILED = 1
    WRONG_USE = 2
    ENVIRONMENT = 3


def exit_of(error: AgentTraderError) -> Exit:
    """2 where the caller asked for something wrong, 3 where the machine is not ready, 1 for everything else."""
    if isinstance(error, BadInput):
        return Exit.WRONG_USE
    if isinstance(error, Misconfigured | Unavailable | AlreadyRunning):
        return Exit.ENVIRONMENT
    return Exit.CHECK_FAILED
