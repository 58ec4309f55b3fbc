"""The moments of a tape: when each push ends, known beforehand, so that the clock can be set before the push.

Were it set after it, a function that was quick would read the old time and one that was slow the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from local.simulators.venue.playback import AFTER_CLOSE_STEP, AFTER_CLOSE_STEPS
from local.tape.model import Session


def push_ends(sessions: Sequence[Session]) -> list[datetime]:
    """The tape time (UTC) at the end of each push: a session's open, its minutes, its close, and the time after it."""
    return [end for session in sessions for end in _session_ends(session)]


def pushes_made(sessions: Sequence[Session], day: date, now: datetime, minute_index: int, *, is_open: bool) -> int:
    """How many pushes a tape has had that stands at `now` (UTC) in the session of `day`.

    `minute_index` is the last minute played, from 0; -1 where none was. A tape between two sessions stands in the
    earlier one.
    """
    made = 0
    for session in sessions:
        if session.day == day:
            if is_open:
                return made + 1 + minute_index + 1
            if minute_index < 0:
                return made
            after = (now - session.closes_at) // AFTER_CLOSE_STEP
            return made + 1 + session.minutes + 1 + min(after, AFTER_CLOSE_STEPS)
        made += len(_session_ends(session))
    return made


def _session_ends(session: Session) -> list[datetime]:
    return [
        session.opens_at,
        *(session.opens_at + timedelta(minutes=count) for count in range(1, session.minutes + 1)),
        session.closes_at,
        *(session.closes_at + count * AFTER_CLOSE_STEP for count in range(1, AFTER_CLOSE_STEPS + 1)),
    ]
