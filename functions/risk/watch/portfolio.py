"""The watch over concentration and net greeks: what is held, by the reckoning of the rules of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from functions.core.errors import AgentTraderError
from functions.core.ledger.watching import WatchLedger
from functions.core.ledger.watching_portfolio import PortfolioLedger, PortfolioLimit, WatchedPortfolio
from functions.core.log import logger
from functions.core.money import rounded, text
from functions.core.ports import Ports
from functions.risk.book import ZERO, Book, Mark, OpenQuantity
from functions.risk.facts.portfolio import NetGreeks
from functions.risk.net_greeks import MAX_AGE as GREEKS_MAX_AGE
from functions.risk.reading_greeks import greeks_held
from functions.risk.reading_portfolio import sectors_held, worth_held
from functions.risk.share_of_equity import MAX_AGE as EQUITY_MAX_AGE
from functions.risk.watch.due import hold_to_limit, too_much
from functions.risk.watch.margin import used_percent

_log = logger("risk")
_GREEKS: Mapping[str, Literal["delta", "gamma", "vega"]] = {
    "net_delta_limit": "delta",
    "net_gamma_limit": "gamma",
    "net_vega_limit": "vega",
}
# A fill's first mark, and the first quotes of a session, may take so long.
_BLIND_AFTER = timedelta(minutes=5)


@dataclass(slots=True)
class _Measured:
    """How much it is, in the limit's unit, and what was seen; `unknown` where something that counts has no number."""

    value: Decimal
    numbers: dict[str, str]
    unknown: str = ""


class PortfolioWatch:
    """Holds each account, and its strategies, to these limits; the ledger does what a breach asks for, once."""

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = PortfolioLedger(reach.ledger)
        self._watch = WatchLedger(reach.ledger)

    def sweep(self) -> int:
        """Every account at the clock's time; returns how many limits acted."""
        return self._hold(self._clock.now(), None)

    def on_fill(self, account: UUID, at: datetime) -> int:
        """Something was filled on an account at `at` (event time)."""
        return self._hold(at, account)

    def _hold(self, at: datetime, account: UUID | None) -> int:
        """One that fails keeps no other from its turn; it is raised last."""
        acted = 0
        failure: AgentTraderError | None = None
        for one in self._ledger.watch_portfolio(at, account):
            held = _Holdings(one, at)
            for limit in one.limits:
                try:
                    acted += self._measure(one, limit, held, at)
                except AgentTraderError as error:
                    _log.error("limit not watched", limit=str(limit.limit_id), code=error.code, reason=error.text)
                    failure = error
        if failure is not None:
            raise failure
        return acted

    def _measure(self, one: WatchedPortfolio, limit: PortfolioLimit, held: _Holdings, at: datetime) -> bool:
        found = held.greek(limit) if limit.name in _GREEKS else held.concentration(limit)
        if found is None:
            return False  # The broker said nothing, or long ago: nothing is broken by it, and nothing has recovered.
        if found.unknown and found.value <= limit.value:
            # What is known is within the limit, and with the rest it may not be.
            if one.in_session and one.since is not None and at - one.since >= _BLIND_AFTER:
                said = {"limit": limit.name, "unknown": found.unknown}
                self._watch.tell_blind(limit.limit_id, one.broker_account_id, at, said)
            return False
        if found.value > limit.value:
            found.numbers["part"] = text(too_much(found.value, limit.value))
        account = one.broker_account_id
        return hold_to_limit(self._watch, limit.name, limit, found.value, at, found.numbers, account)


class _Holdings:
    """What one account and its strategies hold, as the rules reckon it."""

    def __init__(self, one: WatchedPortfolio, at: datetime) -> None:
        self._one, self._at = one, at
        self._exposures: dict[UUID | None, dict[str, OpenQuantity]] = {}
        sizes: dict[str, Decimal] = {}
        for row in one.held:
            self._exposures.setdefault(row.strategy_id, {})[row.symbol] = OpenQuantity(row.quantity)
            sizes[row.symbol] = row.multiplier
        marks = {name: Mark(row.mark, row.marked_at, sizes[name]) for name, row in one.marks.items()}
        self._book = Book(exposures={"account": self._exposures.get(None, {})}, marks=marks)
        self._greeks: dict[UUID | None, NetGreeks] = {}

    def concentration(self, limit: PortfolioLimit) -> _Measured | None:
        """The largest part of the equity that one underlying, or one sector, has."""
        told = self._one.equity
        exposure = self._exposures.get(limit.strategy_id, {})
        if not exposure:
            return _Measured(ZERO, {})
        oldest = timedelta(hours=float(limit.parameters.get(EQUITY_MAX_AGE.name, EQUITY_MAX_AGE.default)))
        if told is None or self._at - told.as_of > oldest:
            return None
        worth, unknown = worth_held(exposure, self._book.marks)
        if limit.name == "symbol_concentration":
            groups: dict[str, tuple[str, ...]] = {name: (name,) for name in worth if limit.symbol in (None, name)}
        else:
            groups = sectors_held(exposure, self._one.sectors)
        sums = {group: sum((worth.get(name, ZERO) for name in names), ZERO) for group, names in groups.items()}
        if not sums:
            return _Measured(ZERO, {}, unknown)
        largest = max(sorted(sums), key=lambda group: sums[group])
        kind = "underlying" if limit.name == "symbol_concentration" else "sector"
        numbers = {
            kind: largest,
            "underlyings": " ".join(sorted(groups[largest])),
            "dollars": text(rounded(sums[largest])),
            "equity": text(told.equity),
        }
        return _Measured(used_percent(sums[largest], told.equity), numbers, unknown)

    def greek(self, limit: PortfolioLimit) -> _Measured:
        """The greek of all that is held, without its sign."""
        owner, greek = limit.strategy_id, _GREEKS[limit.name]
        if owner not in self._greeks:
            self._greeks[owner] = greeks_held(self._at, self._book, self._exposures.get(owner, {}), self._one.greeks)
        found = self._greeks[owner]
        stale = found.age_seconds > limit.parameters.get(GREEKS_MAX_AGE.name, GREEKS_MAX_AGE.default)
        if found.missing or stale:
            return _Measured(ZERO, {}, found.missing or found.oldest)
        net = getattr(found, greek).held
        return _Measured(abs(rounded(net)), {greek: text(rounded(net))})
