"""What the gate found, counted in the ledger and told: one alert for each symbol, kind and exchange date."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID, uuid4

from functions.core.errors import Temporary
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import FoundInData, MarketDataLedger
from functions.core.log import logger
from functions.core.market_calendar import exchange_date
from functions.ingest.quality.findings import Finding, FindingKind

_EVERY: Final = 5.0
_MOST: Final = 500
# What the gate has dealt with by itself is only said; what took data away from strategies is a warning; where all that
# follows may be wrong, a person should look now.
_SEVERITIES: Final[Mapping[FindingKind, str]] = {"duplicate": "info", "disorder": "info", "split": "critical"}
_log = logger("data_quality")


class FindingLog:
    """Counts together what comes close together: the first of a kind at once, further ones every few seconds."""

    def __init__(self, ledger: MarketDataLedger) -> None:
        self._ledger = ledger
        self._waiting: list[Finding] = []
        # A batch keeps its id until the ledger has it: it is counted once.
        self._batch: tuple[UUID, list[Finding]] | None = None
        self._told: set[tuple[str, str, str]] = set()
        self._next_at = 0.0
        self._lock = threading.Lock()

    def add(self, findings: Iterable[Finding]) -> None:
        """Takes findings; reaches the ledger by `flush`."""
        with self._lock:
            self._waiting.extend(findings)

    def flush(self, *, at_once: bool = False) -> None:
        """Counts and tells what waits, where it is time to. What fails temporarily is kept for the next time."""
        with self._lock:
            new = any(_cause(one) not in self._told for one in self._waiting)
            if not (self._waiting or self._batch) or not (at_once or new or time.monotonic() >= self._next_at):
                return
            try:
                self._write()
            except Temporary as error:
                _log.warning("findings wait", code=error.code, findings=len(self._waiting))
            self._next_at = time.monotonic() + _EVERY

    def _write(self) -> None:
        while self._batch or self._waiting:
            if self._batch is None:
                self._batch = (uuid4(), self._waiting[:_MOST])
                self._waiting = self._waiting[_MOST:]
            name, batch = self._batch
            try:
                self._ledger.record_findings(name, [_row(one) for one in batch])
                for one in batch:
                    self._tell(one)
            except LedgerRefused as error:
                # What cannot be counted must not stop what is good.
                _log.error("findings refused", code=error.code, reason=str(error), findings=len(batch))
            self._batch = None

    def _tell(self, one: Finding) -> None:
        cause = _cause(one)
        if cause in self._told or one.kind == "stale":
            # What is stale is told once for each incident, by who watches the stream, not for each symbol.
            return
        symbol = one.symbol or "an unknown symbol"
        self._ledger.raise_alert(
            f"DATA_{one.kind.upper()}",
            _SEVERITIES.get(one.kind, "warning"),
            f"market data of {symbol} from {one.feed}: {one.text[:400]}; all of this kind on that day is "
            "counted in data_findings",
            {"symbol": one.symbol, "feed": one.feed, "kind": one.kind, "at": one.at.isoformat(), "count": one.count},
            "data|" + "|".join(cause),
        )
        self._told.add(cause)
        _log.warning("found in data", symbol=one.symbol, kind=one.kind, at=one.at.isoformat(), text=one.text)


def _cause(one: Finding) -> tuple[str, str, str]:
    return (one.symbol, one.kind, exchange_date(one.at).isoformat())


def _row(one: Finding) -> FoundInData:
    return FoundInData(
        symbol=one.symbol, feed=one.feed, kind=one.kind, at=one.at, count=one.count, sample=one.text[:500] or one.kind
    )
