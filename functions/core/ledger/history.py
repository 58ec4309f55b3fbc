"""What is asked of the ledger for history: its bars, and which months the archive holds."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter

from functions.core.history.adjusting import CorporateAction
from functions.core.history.bars import Bar, Timeframe
from functions.core.ledger.part import LedgerPart, Row
from functions.core.market_calendar import Calendar, Session

_PAGE = 20_000
_INSTANT = timedelta(microseconds=1)
_A_YEAR = timedelta(days=360)


class Month(Row):
    """One symbol's bars of one timeframe in one month (UTC), named by its first day."""

    symbol: str
    timeframe: Timeframe
    month: date


class MonthOfBars(Row):
    """The bars of a month as Postgres holds them; the digest says whether they still are these."""

    digest: str | None
    bars: list[Bar]


class ArchivedMonth(Row):
    """A month of which the archive has bars that Postgres may lack."""

    month: date
    key: str
    bars: int


class StoredSession(Row):
    """A regular session of the market calendar; times UTC."""

    date: date
    opens_at: AwareDatetime
    closes_at: AwareDatetime


_BARS = TypeAdapter(list[Bar])
_SESSIONS = TypeAdapter(list[StoredSession])
_END: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)
_MONTHS = TypeAdapter(list[Month])
_ACTIONS = TypeAdapter(list[CorporateAction])
_ARCHIVED = TypeAdapter(list[ArchivedMonth])


class HistoryPart(LedgerPart):
    """The part of a folder that reads history."""

    def bars_between(self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime) -> list[Bar]:
        """The bars of Postgres that start in [start, end), oldest first; all pages."""
        found: list[Bar] = []
        while True:
            arguments = {"p_symbol": symbol, "p_timeframe": timeframe, "p_start": start.isoformat()}
            page = _BARS.validate_python(
                self._call("bars_between", arguments | {"p_end": end.isoformat(), "p_limit": _PAGE})
            )
            found.extend(page)
            if len(page) < _PAGE:
                return found
            start = page[-1].starts_at + _INSTANT

    def months_in_archive(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> list[ArchivedMonth]:
        """The months that the archive has to be asked for; after `bars_between`, since a month may leave Postgres."""
        arguments = {"p_symbol": symbol, "p_timeframe": timeframe}
        times = {"p_start": start.isoformat(), "p_end": end.isoformat()}
        return _ARCHIVED.validate_python(self._call("months_in_archive", arguments | times))

    def sessions(self, start: datetime, until: datetime) -> Calendar:
        """The regular sessions from one moment to another, UTC."""
        found: dict[date, Session] = {}
        while start < until:
            # One answer has a year at most, the newest of it.
            part = min(start + _A_YEAR, until)
            rows = self._call("sessions_between", {"p_from": start.isoformat(), "p_until": part.isoformat()})
            found |= {
                row.date: Session(row.date, row.opens_at, row.closes_at) for row in _SESSIONS.validate_python(rows)
            }
            start = part
        return Calendar(found.values())

    def latest_bar_end(self, symbol: str, timeframe: Timeframe) -> datetime | None:
        """The end of the newest bar of Postgres, UTC; None where there is none."""
        return _END.validate_python(self._call("latest_bar_end", {"p_symbol": symbol, "p_timeframe": timeframe}))

    def corporate_actions(self, symbol: str, until: date) -> list[CorporateAction]:
        """The splits and dividends with ex-dates up to that exchange date, oldest first."""
        return _ACTIONS.validate_python(
            self._call("corporate_actions_of", {"p_symbol": symbol, "p_until": until.isoformat()})
        )


class ArchivingLedger(HistoryPart):
    """What moves months into the archive."""

    def bars_to_archive(self, now: datetime) -> list[Month]:
        """Months that are over and not in the archive as they are in Postgres, oldest first; 500 at most."""
        return _MONTHS.validate_python(self._call("bars_to_archive", {"p_now": now.isoformat()}))

    def bars_of_month(self, month: Month) -> MonthOfBars:
        return MonthOfBars.model_validate(self._call("bars_of_month", _named(month)))

    def record_archived_month(
        self, month: Month, *, bars: int, key: str, digest: str | None = None, in_postgres: bool = False
    ) -> bool:
        """Says that the archive holds it; False where the bars are not those of the digest any more.

        Raises LedgerRefused BAD_ARCHIVED_MONTH.
        """
        what = {"p_bars": bars, "p_key": key, "p_digest": digest, "p_in_postgres": in_postgres}
        recorded: bool = self._call("record_archived_month", _named(month) | what)
        return recorded


def _named(month: Month) -> dict[str, str]:
    return {"p_symbol": month.symbol, "p_timeframe": month.timeframe, "p_month": month.month.isoformat()}
