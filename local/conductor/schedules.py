"""Which scheduled functions are sweeps, and which do their work once a day."""

from __future__ import annotations

from functions.core.wiring import Schedule, ScheduleTrigger, Wiring


def sweeps(table: Wiring) -> list[str]:
    """The functions that look for unfinished rows: woken in every hour, and not tied to a session."""
    return [name for name, schedule in _scheduled(table).items() if schedule.due is None and _every_hour(schedule)]


def every_minute(table: Wiring) -> list[str]:
    """The sweeps that run every minute: lock-step runs them when rows are unfinished, not to find that none are."""
    return [name for name in sweeps(table) if _scheduled(table)[name].cron.split()[0] == "*"]


def daily(table: Wiring) -> list[str]:
    """The functions that are woken at certain hours and not tied to a session, such as the market calendar's."""
    return [name for name, schedule in _scheduled(table).items() if schedule.due is None and not _every_hour(schedule)]


def _scheduled(table: Wiring) -> dict[str, Schedule]:
    return {
        name: function.trigger.schedule
        for name, function in table.functions.items()
        if isinstance(function.trigger, ScheduleTrigger)
    }


def _every_hour(schedule: Schedule) -> bool:
    return schedule.cron.split()[1] == "*"
