"""The simulated broker as a whole: the venue, the grants that open its accounts, and its streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from local.simulators.tastytrade import account_view, refusals
from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.account_feed import AccountFeed
from local.simulators.tastytrade.dx_hub import DxHub
from local.simulators.tastytrade.faults import DEFAULT_PATH, TABLE
from local.simulators.tastytrade.logins import AccountRow, Login
from local.simulators.tastytrade.tokens import LIFE_SECONDS, TokenOffice
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk_events import DeskEvent
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.playback import Closes, Completes
from local.simulators.venue.stream_hub import StreamHub
from local.simulators.venue.venue import Venue
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar

HEARTBEAT_SECONDS: Final = 60.0
RULES: Final = DeskRules(
    name="tastytrade",
    unique_client_ids=False,
    close_without_position="open",
    fees_at="fill",
    wash_trades=True,
    replaces_unrouted=True,
)


class Simulator(Venue):
    """Everything behind the sockets."""

    def __init__(
        self, tape: Tape, calendar: MarketCalendar, accounts: Sequence[AccountRow], *, token_life: int = LIFE_SECONDS
    ) -> None:
        faults = Faults(TABLE, default_path=DEFAULT_PATH)
        self.tokens = TokenOffice(life=token_life)
        self.hub = StreamHub(faults)
        self.feed = AccountFeed(self.hub, faults)
        self.data = DxHub(faults)
        self._tasty: dict[str, TastyAccount] = {}
        super().__init__(tape, calendar, [], faults=faults, rules=RULES)
        for row in accounts:
            self.add_row(row)

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_row(self, row: AccountRow) -> None:
        """Raises BadInput BAD_ACCOUNT where the grant or the account is there already."""
        if self.tokens.knows(row.login.refresh_token):
            raise BadInput("BAD_ACCOUNT", "the refresh token is in use", field="refresh_token")
        if row.account is not None:
            self.add_account(row.account)
            self._add_tasty(row.account.account_id)
        self.tokens.add(row.login)

    def tasty_accounts(self) -> list[TastyAccount]:
        return list(self._tasty.values())

    def tasty_account(self, login: Login, number: str) -> TastyAccount:
        """The account, where the grant may look at it. Raises Refusal 403."""
        if login.account_number != number or number not in self._tasty:
            raise refusals.not_permitted()
        return self._tasty[number]

    def account_of(self, authorization: str | None, path: str) -> str | None:
        """The account that a request is about: the one in its path, else the one of its grant."""
        for number in self._tasty:
            if f"/{number}" in path:
                return number
        login = self.tokens.login_of(authorization)
        return None if login is None else login.account_number

    def _add_tasty(self, number: str) -> None:
        self._tasty[number] = TastyAccount(
            self.desk(number),
            now=self.now,
            faults=self.faults,
            feed=self.feed,
            balance=account_view.balance,
            position=account_view.present_position,
        )

    # --- the tape ---------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        super().on_load()
        self.feed.reset()
        self.data.load(self.quotes, self.now, lambda: self.session)
        self._tasty = {}
        for desk in self.desks():
            self._add_tasty(desk.account_id)

    def on_event(self, event: DeskEvent) -> None:
        self._tasty[event.account_id].hear(event)

    def on_activities(self, account_id: str, activities: Sequence[Activity]) -> None:
        self._tasty[account_id].hear_activities(activities)

    def on_tick(self, tick: Quote | Print) -> None:
        super().on_tick(tick)
        self.data.tick(tick)

    def on_minute(self, beat: Completes) -> None:
        super().on_minute(beat)
        self.data.minute(beat.bars, beat.at, is_last=beat.at >= self.session.closes_at)

    def on_close(self, beat: Closes) -> None:
        super().on_close(beat)
        self.data.closed(beat.at)

    def on_closed(self, beat: Closes) -> None:
        super().on_closed(beat)
        for account in self.tasty_accounts():
            account.close_day(beat.session.day)

    def switched_on(self, fault: Fault) -> None:
        super().switched_on(fault)
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
        # The only clock of the API is the Date of its answers, which knows whole seconds.
        listed = self.hub.positions(lambda at: at.replace(microsecond=0))
        return {"market-data": self.data.positions(), "trade-updates": listed}
