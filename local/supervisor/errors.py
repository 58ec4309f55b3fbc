"""What can be wrong with the machine before or while the local cloud starts. The command line exits 3 on these."""

from __future__ import annotations

from functions.core.errors import Misconfigured, Refused, Unavailable


class AlreadyRunning(Refused):
    """Another supervisor holds this state folder."""


class NotRunning(Unavailable):
    """No supervisor holds this state folder."""


class PortTaken(Misconfigured):
    """Another program listens on a port that a part of ours wants."""


class ToolMissing(Misconfigured):
    """A program that a part needs is not installed."""


class StartFailed(Unavailable):
    """A part did not become ready, or a step before it failed."""
