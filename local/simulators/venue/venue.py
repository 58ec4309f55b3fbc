"""A simulated broker without its wire: accounts with their desks on a tape that moves them.

A simulator extends `Venue`: it gives its `DeskRules` and fault table, turns what `on_event` and `on_activities` tell
into stream messages, and answers its routes from `desk(...)`. Whoever overrides an `on_` method calls it here as well.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from local.simulators.venue.account_ledger import AccountLedger
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_events import DeskEvent
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.option_market import OptionMarket
from local.simulators.venue.option_settling import OptionSettling
from local.simulators.venue.playback import Closes, Opens
from local.simulators.venue.quotes import Quotes
from local.simulators.venue.tape_player import TapePlayer
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar


@dataclass(frozen=True, slots=True)
class Account:
    """An account's desk and its options' settling."""

    desk: OrderDesk
    settling: OptionSettling


class Venue(TapePlayer):
    """Numbers of orders, executions and activities count from 1 over all accounts and are the same in every replay."""

    def __init__(
        self,
        tape: Tape,
        calendar: MarketCalendar,
        accounts: Sequence[AccountSettings],
        *,
        faults: Faults,
        rules: DeskRules,
    ) -> None:
        self.rules = rules
        self._settings: dict[str, AccountSettings] = {}
        self._accounts: dict[str, Account] = {}
        super().__init__(tape, calendar, faults)
        for account in accounts:
            self.add_account(account)

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_account(self, settings: AccountSettings) -> None:
        """Raises BadInput BAD_ACCOUNT where the key or the account is there already."""
        if settings.key in self._settings:
            raise BadInput("BAD_ACCOUNT", f"the key {settings.key} is in use", field="key")
        if settings.account_id in self._accounts:
            raise BadInput("BAD_ACCOUNT", f"the account {settings.account_id} exists", field="account_id")
        self._settings[settings.key] = settings
        self._accounts[settings.account_id] = self._account(settings)

    def change_account(self, settings: AccountSettings) -> None:
        """Other levels, flags or fees from now on; cash and books stay. Raises BadInput BAD_ACCOUNT."""
        account = self.account(settings.account_id)
        self._settings = {
            key: settings if known.account_id == settings.account_id else known for key, known in self._settings.items()
        }
        account.desk.ledger.settings = settings

    def account(self, account_id: str) -> Account:
        """Raises BadInput BAD_ACCOUNT where there is none."""
        found = self._accounts.get(account_id)
        if found is None:
            raise BadInput("BAD_ACCOUNT", f"there is no account {account_id}", field="account_id")
        return found

    def desk(self, account_id: str) -> OrderDesk:
        """Raises BadInput BAD_ACCOUNT where there is none."""
        return self.account(account_id).desk

    def desks(self) -> list[OrderDesk]:
        """The desk of every trading account."""
        return [account.desk for account in self._trading()]

    def settings_of(self, key: object, secret: object) -> AccountSettings | None:
        """The account that a key opens; None where the key is wrong."""
        settings = self._settings.get(key) if isinstance(key, str) else None
        given = secret.encode() if isinstance(secret, str) else b""
        known = settings.secret.encode() if settings is not None else b"\0"
        return settings if hmac.compare_digest(given, known) else None

    def desk_of(self, key: object, secret: object) -> OrderDesk | None:
        """The desk that a key opens; None where the key is wrong or reads market data only."""
        settings = self.settings_of(key, secret)
        return None if settings is None or settings.data_only else self.desk(settings.account_id)

    # --- for a simulator to extend ----------------------------------------------------------------------------------

    def on_event(self, event: DeskEvent) -> None:
        """An order event of any account, the moment it happens."""

    def on_activities(self, account_id: str, activities: Sequence[Activity]) -> None:
        """What was booked besides fills, the moment it happens."""

    # --- the tape ---------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        self.options = OptionMarket(self.prices, self.clock, lambda: self.calendar, self.tape.sessions)
        self.quotes = Quotes(self.prices, self.options)
        self._order_numbers, self._execution_numbers, self._activity_numbers = count(1), count(1), count(1)
        self._accounts = {settings.account_id: self._account(settings) for settings in self._settings.values()}

    def on_open(self, beat: Opens) -> None:
        for account in self._trading():
            account.desk.ledger.told_from = None
            account.desk.open_session(beat.at, beat.prices)

    def on_tick(self, tick: Quote | Print) -> None:
        halted = self.faults.take("halted_symbol", symbol=tick.symbol)
        for desk in self.desks():
            if halted:
                desk.halt(tick.symbol)
            else:
                desk.show(tick)

    def on_close(self, beat: Closes) -> None:
        for account in self._trading():
            desk = account.desk
            desk.close_session(beat.at, beat.prices)
            if self.faults.take("activities_next_day", desk.account_id):
                desk.ledger.told_from = self.calendar.next_open(beat.at).opens_at
            rows = account.settling.close(beat.session.day)
            if rows:
                self.on_activities(desk.account_id, rows)

    def on_closed(self, beat: Closes) -> None:
        for desk in self.desks():
            desk.ledger.close_day(beat.session.day)

    def switched_on(self, fault: Fault) -> None:
        if fault.switch == "half_day" and self.faults.take("half_day"):
            self.shorten_next_session()

    def _trading(self) -> list[Account]:
        return [account for account in self._accounts.values() if not account.desk.ledger.settings.data_only]

    def _account(self, settings: AccountSettings) -> Account:
        desk = OrderDesk(
            AccountLedger(settings, self.quotes, numbers=self._activity_numbers, settles_at=self._settles_at),
            rules=self.rules,
            clock=self.clock,
            quotes=self.quotes,
            faults=self.faults,
            session_close=lambda: self.calendar.next_close(self.clock.now()).closes_at,
            numbers=self._order_numbers,
            execution_numbers=self._execution_numbers,
            listener=self.on_event,
        )
        if self.is_open:
            desk.open_session(self.clock.now(), {})
            for quote in (self.prices.quote(symbol) for symbol in self.prices.symbols):
                if quote is not None:
                    desk.show(quote)
        return Account(desk, OptionSettling(desk, self.clock, self.seed))

    def _settles_at(self, at: datetime) -> datetime:
        """Trades settle when the next session opens."""
        return self.calendar.next_open(at).opens_at
