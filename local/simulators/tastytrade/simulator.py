"""The simulated broker as a whole: grants, accounts, prices and the tape that moves them. One event loop, no locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from local.simulators.tastytrade import account_view, refusals
from local.simulators.tastytrade.account_hub import AccountHub
from local.simulators.tastytrade.desk import Desk
from local.simulators.tastytrade.dx_hub import DxHub
from local.simulators.tastytrade.faults import DEFAULT_PATH, TABLE
from local.simulators.tastytrade.logins import AccountRow, Login
from local.simulators.tastytrade.tokens import LIFE_SECONDS, TokenOffice
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.playback import Closes, Completes, Opens
from local.simulators.venue.tape_player import TapePlayer
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar

HEARTBEAT_SECONDS: Final = 60.0


class Simulator(TapePlayer):
    """Everything behind the sockets."""

    def __init__(
        self, tape: Tape, calendar: MarketCalendar, accounts: Sequence[AccountRow], *, token_life: int = LIFE_SECONDS
    ) -> None:
        faults = Faults(TABLE, default_path=DEFAULT_PATH)
        self.tokens = TokenOffice(life=token_life)
        self.hub = AccountHub(faults)
        self.data = DxHub(faults)
        self._settings: dict[str, AccountSettings] = {}
        self._desks: dict[str, Desk] = {}
        super().__init__(tape, calendar, faults)
        for row in accounts:
            self.add_account(row)

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_account(self, row: AccountRow) -> None:
        """Raises BadInput BAD_ACCOUNT where the grant or the account is there already."""
        if self.tokens.knows(row.login.refresh_token):
            raise BadInput("BAD_ACCOUNT", "the refresh token is in use", field="refresh_token")
        if row.account is not None and row.account.account_id in self._desks:
            raise BadInput("BAD_ACCOUNT", f"the account {row.account.account_id} exists", field="account_number")
        self.tokens.add(row.login)
        if row.account is not None:
            self._settings[row.account.account_id] = row.account
            self._desks[row.account.account_id] = self._desk(row.account)

    def desks(self) -> list[Desk]:
        return list(self._desks.values())

    def desk(self, login: Login, number: str) -> Desk:
        """The desk of an account that the grant may look at. Raises Refusal 403."""
        if login.account_number != number or number not in self._desks:
            raise refusals.not_permitted()
        return self._desks[number]

    def account_of(self, authorization: str | None, path: str) -> str | None:
        """The account that a request is about: the one in its path, else the one of its grant."""
        for number in self._desks:
            if f"/{number}" in path:
                return number
        login = self.tokens.login_of(authorization)
        return None if login is None else login.account_number

    def _desk(self, settings: AccountSettings) -> Desk:
        desk = Desk(
            settings,
            clock=self.clock,
            prices=self.prices,
            faults=self.faults,
            hub=self.hub,
            is_open=lambda: self.is_open,
            session_close=lambda: self.calendar.next_close(self.clock.now()).closes_at,
        )
        desk.shows(account_view.balance, _present_position)
        if self.is_open:
            desk.open_session(self.clock.now(), {})
            for quote in (self.prices.quote(symbol) for symbol in self.prices.symbols):
                if quote is not None:
                    desk.show(quote)
        return desk

    # --- the tape ---------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        self.hub.reset()
        self.data.load(self.prices, self.now, lambda: self.session)
        self._desks = {number: self._desk(settings) for number, settings in self._settings.items()}

    def on_open(self, beat: Opens) -> None:
        for desk in self.desks():
            desk.open_session(beat.at, beat.prices)

    def on_tick(self, tick: Quote | Print) -> None:
        self.data.tick(tick)
        for desk in self.desks():
            desk.show(tick)

    def on_minute(self, beat: Completes) -> None:
        self.data.minute(beat.bars, beat.at, is_last=beat.at >= self.session.closes_at)

    def on_close(self, beat: Closes) -> None:
        for desk in self.desks():
            desk.close_session(beat.at, beat.prices)
        self.data.closed(beat.at)

    def on_closed(self, beat: Closes) -> None:
        for desk in self.desks():
            desk.close_day(beat.session.day)

    def switched_on(self, fault: Fault) -> None:
        match fault.switch:
            case "drop_stream":
                self.hub.drop(fault.account_id)
            case "expire_tokens":
                self.tokens.expire_all()
            case "drop_data_stream":
                self.data.drop()
            case "dxlink_error":
                self.data.tell_error()
            case "dxlink_token_expiry":
                self.tokens.expire_quote_tokens()
                self.data.expire()

    def release(self) -> None:
        self.hub.release()
        self.data.release()

    def stream_positions(self) -> dict[str, Any]:
        return {"market-data": self.data.positions(), "trade-updates": self.hub.positions()}


def _present_position(desk: Desk, symbol: str) -> dict[str, Any]:
    return account_view.position(desk, desk.ledger.present(symbol))
