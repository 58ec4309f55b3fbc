"""What can go wrong in a replay."""

from __future__ import annotations

from functions.core.errors import Final, Unavailable


class NotSettled(Unavailable):
    """Something stayed in flight for longer than one tape event may take."""


class Stuck(Final):
    """Nothing is in flight, and yet rows stay unfinished after the sweeps ran."""
