"""Months of bars that are over go to the archive; Postgres drops a month only when the archive has it."""

from __future__ import annotations

from datetime import datetime

from functions.core.archive import Archive
from functions.core.errors import AgentTraderError
from functions.core.history.bars import Bar, merged, month_key, packed, unpacked
from functions.core.ledger.history import ArchivingLedger, Month
from functions.core.log import logger

_log = logger("archive_bars")


def archive_finished(ledger: ArchivingLedger, archive: Archive, now: datetime) -> int:
    """Archives what is due, oldest first; returns how many months. Where it fails, the rest is for the next time."""
    done = 0
    due = ledger.bars_to_archive(now)
    try:
        for month in due:
            done += archive_month(ledger, archive, month)
    except AgentTraderError as error:
        text = f"months of bars could not be archived and stay in Postgres until they are: {error}"
        ledger.raise_alert(
            "NOT_ARCHIVED", "warning", text, {"months": len(due) - done}, f"not-archived|{error.code}|{now:%Y-%m-%d}"
        )
        raise
    if due:
        _log.info("months archived", months=done)
    return done


def archive_month(ledger: ArchivingLedger, archive: Archive, month: Month) -> bool:
    """Writes the month whole; False where bars came meanwhile, and it is to be done again."""
    held = ledger.bars_of_month(month)
    if not held.bars:
        return False
    key = month_key(month.symbol, month.timeframe, month.month)
    # Postgres may have begun a month anew that had left it: what is archived of it stays.
    together = merged(_archived(archive, key), held.bars)
    archive.put(key, packed(together))
    whole = len(together) == len(held.bars)
    return ledger.record_archived_month(month, bars=len(together), key=key, digest=held.digest, in_postgres=whole)


def add_to_archive(ledger: ArchivingLedger, archive: Archive, month: Month, bars: list[Bar]) -> int:
    """Bars of a month that Postgres does not keep; returns how many the object holds."""
    key = month_key(month.symbol, month.timeframe, month.month)
    together = merged(_archived(archive, key), bars)
    archive.put(key, packed(together))
    ledger.record_archived_month(month, bars=len(together), key=key)
    return len(together)


def _archived(archive: Archive, key: str) -> list[Bar]:
    body = archive.get(key)
    return [] if body is None else unpacked(body, key)
