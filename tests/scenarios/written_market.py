"""A market whose every minute a scenario has written: what SPY costs, or that nothing is heard of it."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

from functions.core.settings import Settings
from local.tape.minute_files import BAR_COLUMNS, QUOTE_COLUMNS
from local.tape.model import MINUTE
from local.tape.sessions import new_york
from tests.contract.alpaca_simulator.running import ALICE
from tests.contract.brokers.venue import AlpacaVenue
from tests.integration.faults.market import AlpacaMarket
from tests.prepared import calendar_cache


@dataclass(frozen=True, slots=True)
class Price:
    """A minute: its last price and the others where they differ, dollars; `spread` is from bid to ask."""

    last: str
    first: str | None = None
    low: str | None = None
    high: str | None = None
    spread: str = "0.02"
    size: int = 1000

    def values(self, shift: Decimal = Decimal(0)) -> list[str]:
        """Open, high, low, close, each so much higher."""
        last = Decimal(self.last)
        first = Decimal(self.first or self.last)
        low = min(first, last, Decimal(self.low or self.last))
        high = max(first, last, Decimal(self.high or self.last))
        return [str(one + shift) for one in (first, high, low, last)]


SILENT = None
"""Nothing is quoted and nothing trades."""
Day = Mapping[int, Price | str | None]
"""From which minute of the session on which price holds, up to the next one that is named."""
KNOWN: dict[int, Price | str | None] = {0: "260", 5: SILENT}
"""A day of which a few minutes are enough: what nobody looks at needs no prices."""


class WrittenMarket(AlpacaMarket):
    """Alpaca's simulator on written days. The first is not played: it is what is known of prices when they begin."""

    def __init__(self, venue: AlpacaVenue, folder: Path, days: Mapping[date, Day]) -> None:
        super().__init__(venue)
        self._folder, self._days = folder, days
        self.is_silent = False

    def settings(self) -> Settings:
        # Quotes are published as they come, however quick the machine is.
        return super().settings().model_copy(update={"quote_interval": 0.0})

    def begin(self) -> str:
        """Before the open of the second written day."""
        self.clear_faults()
        _, *played = days = sorted(self._days)
        for day in days:
            _write(self._folder, day, self._days[day])
        with patch.dict(os.environ, AGENTTRADER_DATA=str(self._folder)):
            self._running.post("/control/load", {"tape": f"minute:SPY:{played[0]}:{played[-1]}", "seed": 7})
        return ALICE

    def silence_feed(self) -> None:
        """The feed says nothing more, neither by stream nor by REST; the market goes on."""
        self.is_silent = True
        self._running.fault("mute_data", -1)
        self._running.fault("reset_before_accept", -1, method="GET", path="/v2/stocks")

    def halt(self) -> None:
        """The exchange halts with the next quote; what is ordered waits."""
        self._running.fault("halted_symbol", -1, symbol="SPY")


def _write(folder: Path, day: date, written: Day) -> None:
    (session,) = new_york(cache=calendar_cache()).between(day, day)
    (folder / "minute").mkdir(exist_ok=True)
    bars: list[Sequence[object]] = [BAR_COLUMNS]
    quotes: list[Sequence[object]] = [QUOTE_COLUMNS]
    found: Price | str | None = SILENT
    for minute in range(session.minutes):
        found = written.get(minute, found)
        if found is None:
            continue
        price = Price(found) if isinstance(found, str) else found
        at = (session.opens_at + minute * MINUTE).isoformat()
        half = Decimal(price.spread) / 2
        bars.append([at, *price.values(), 10_000])
        quotes.append([at, *price.values(-half), price.size, *price.values(half), price.size])
    for kind, rows in (("bars", bars), ("quotes", quotes)):
        path = folder / "minute" / f"SPY-{day.isoformat()}-{kind}.csv.gz"
        with gzip.open(path, "wt", newline="", encoding="utf-8", compresslevel=1) as file:
            csv.writer(file).writerows(rows)
