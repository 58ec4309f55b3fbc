"""The simulated broker as a whole: accounts, prices and the tape that moves them. One event loop, no locks."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from local.simulators.alpaca import data_wire, refusals
from local.simulators.alpaca.account_book import AccountBook
from local.simulators.alpaca.account_settings import AccountSettings
from local.simulators.alpaca.clock import TapeClock
from local.simulators.alpaca.data_hub import DataHub
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.faults import Faults
from local.simulators.alpaca.playback import BEFORE_OPEN, Beat, Closes, Completes, Opens, Step, steps
from local.simulators.alpaca.prices import Prices
from local.simulators.alpaca.trade_hub import TradeHub
from local.simulators.alpaca.wire import instant
from local.tape.model import Session, Tape
from local.tape.sessions import MarketCalendar


class Simulator:
    """Everything behind the sockets. `load` starts it anew on a tape; `advance` moves the tape."""

    def __init__(self, tape: Tape, calendar: MarketCalendar, accounts: Sequence[AccountSettings]) -> None:
        self.calendar = calendar
        self.faults = Faults()
        self.trades = TradeHub(self.faults)
        self.data = DataHub(self.faults)
        self._settings: dict[str, AccountSettings] = {}
        self._desks: dict[str, OrderDesk] = {}
        self.load(tape)
        for account in accounts:
            self.add_account(account)

    def load(self, tape: Tape) -> None:
        """Starts anew: books as at the beginning, faults off, the tape before its first session."""
        self.tape = tape
        self.prices = Prices(tape)
        self.clock = TapeClock(tape.sessions[0].opens_at - BEFORE_OPEN)
        self.started_at = self.clock.now()
        self.session: Session = tape.sessions[0]
        self.minute_index = -1
        self.done = False
        self.is_open = False
        self.faults.clear()
        self.trades.reset()
        self.data.reset()
        self._steps: Iterator[Step] = steps(tape)
        self._desks = {account.account_id: self._desk(account) for account in self._settings.values()}

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_account(self, settings: AccountSettings) -> None:
        """Raises BadInput BAD_ACCOUNT where the key or the account is there already."""
        if settings.key in self._settings:
            raise BadInput("BAD_ACCOUNT", f"the key {settings.key} is in use", field="key")
        if settings.account_id in self._desks:
            raise BadInput("BAD_ACCOUNT", f"the account {settings.account_id} exists", field="account_id")
        self._settings[settings.key] = settings
        self._desks[settings.account_id] = self._desk(settings)

    def desks(self) -> list[OrderDesk]:
        """The desk of every trading account."""
        return [desk for desk in self._desks.values() if not desk.book.settings.data_only]

    def desk_of(self, key: object, secret: object) -> OrderDesk | None:
        """The desk that a key opens; None where the key is wrong or reads market data only."""
        settings = self._authorized(key, secret)
        return None if settings is None or settings.data_only else self._desks[settings.account_id]

    def may_read_data(self, key: object, secret: object) -> bool:
        return self._authorized(key, secret) is not None

    def trading_desk(self, key: object, secret: object) -> OrderDesk:
        """The desk that a key opens. Raises Refusal 401, or 403 for a key that reads market data only."""
        desk = self.desk_of(key, secret)
        if desk is not None:
            return desk
        raise refusals.no_trading() if self.may_read_data(key, secret) else refusals.unauthorized()

    def _authorized(self, key: object, secret: object) -> AccountSettings | None:
        settings = self._settings.get(key) if isinstance(key, str) else None
        given = secret.encode() if isinstance(secret, str) else b""
        known = settings.secret.encode() if settings is not None else b"\0"
        return settings if hmac.compare_digest(given, known) else None

    def _desk(self, settings: AccountSettings) -> OrderDesk:
        desk = OrderDesk(
            AccountBook(settings),
            clock=self.clock,
            prices=self.prices,
            session_close=lambda: self.calendar.next_close(self.clock.now()).closes_at,
            emit=self.trades.emit,
        )
        if self.is_open:
            desk.open_session(self.clock.now(), {})
            for quote in (self.prices.quote(symbol) for symbol in self.prices.symbols):
                if quote is not None:
                    desk.show(quote)
        return desk

    # --- the tape ---------------------------------------------------------------------------------------------------

    def next_step(self) -> Step | None:
        """The next push of the tape; None when it has ended. Its beats must then be played."""
        step = next(self._steps, None)
        if step is not None:
            self.session, self.minute_index, self.done = step.session, step.minute_index, step.is_last
        return step

    def advance(self) -> str:
        """Plays one step at once; returns what it was, "end" when the tape has ended."""
        step = self.next_step()
        if step is None:
            return "end"
        for beat in step.beats:
            self.play(beat)
        return step.event

    def play(self, beat: Beat) -> None:
        """Makes one beat happen: the exchange first, then the streams."""
        self.clock.move_to(beat.at)
        match beat:
            case Opens():
                self.is_open = True
                for desk in self.desks():
                    desk.open_session(beat.at, beat.prices)
            case Quote() | Print():
                self._tick(beat)
            case Completes():
                for bar in beat.bars:
                    self.prices.complete(bar)
                self.data.bars(beat.bars)
            case Closes():
                self._close(beat)
        self.trades.release()

    def _tick(self, tick: Quote | Print) -> None:
        self.prices.show(tick)
        self.data.tick(tick)
        for desk in self.desks():
            desk.show(tick)

    def _close(self, beat: Closes) -> None:
        self.is_open = False
        for desk in self.desks():
            desk.close_session(beat.at, beat.prices)
        for symbol in self.prices.symbols:
            today = self.prices.today(symbol, beat.session)
            if today is not None:
                self.data.day(symbol, beat.session, data_wire.bar(today))
        self.prices.close(beat.session)
        for desk in self.desks():
            desk.book.close_day(beat.session.day, self.prices)

    # --- what it knows ----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.clock.now()

    def state(self) -> dict[str, Any]:
        """Where the tape stands, and how far each stream has come."""
        return {
            "now": instant(self.now()),
            "session": self.session.day.isoformat(),
            "minute_index": self.minute_index,
            "is_open": self.is_open,
            "done": self.done,
            "positions": {"market-data": self.data.positions(), "trade-updates": self.trades.positions()},
        }
