"""The simulated broker as a whole: accounts, prices and the tape that moves them. One event loop, no locks."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from local.simulators.alpaca import data_wire, refusals
from local.simulators.alpaca.account_book import AccountBook
from local.simulators.alpaca.data_hub import DataHub
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.faults import DEFAULT_PATH, TABLE
from local.simulators.alpaca.trade_hub import TradeHub
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.playback import Closes, Completes, Opens
from local.simulators.venue.tape_player import TapePlayer
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar


class Simulator(TapePlayer):
    """Everything behind the sockets."""

    def __init__(self, tape: Tape, calendar: MarketCalendar, accounts: Sequence[AccountSettings]) -> None:
        faults = Faults(TABLE, default_path=DEFAULT_PATH)
        self.trades = TradeHub(faults)
        self.data = DataHub(faults)
        self._settings: dict[str, AccountSettings] = {}
        self._desks: dict[str, OrderDesk] = {}
        super().__init__(tape, calendar, faults)
        for account in accounts:
            self.add_account(account)

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

    def on_load(self) -> None:
        self.trades.reset()
        self.data.reset()
        self._desks = {account.account_id: self._desk(account) for account in self._settings.values()}

    def on_open(self, beat: Opens) -> None:
        for desk in self.desks():
            desk.open_session(beat.at, beat.prices)

    def on_tick(self, tick: Quote | Print) -> None:
        self.data.tick(tick)
        for desk in self.desks():
            desk.show(tick)

    def on_minute(self, beat: Completes) -> None:
        self.data.bars(beat.bars)

    def on_close(self, beat: Closes) -> None:
        for desk in self.desks():
            desk.close_session(beat.at, beat.prices)
        for symbol in self.prices.symbols:
            today = self.prices.today(symbol, beat.session)
            if today is not None:
                self.data.day(symbol, beat.session, data_wire.bar(today))

    def on_closed(self, beat: Closes) -> None:
        for desk in self.desks():
            desk.book.close_day(beat.session.day, self.prices)

    def switched_on(self, fault: Fault) -> None:
        if fault.switch == "drop_stream":
            self.trades.drop(fault.account_id)
        if fault.switch == "drop_data_stream":
            self.data.drop()

    def release(self) -> None:
        self.trades.release()

    def stream_positions(self) -> dict[str, Any]:
        return {"market-data": self.data.positions(), "trade-updates": self.trades.positions()}
