"""A venue on a tape that is written down: SPY around 100 dollars, one week of sessions from Monday 2018-02-05."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.backtest.market import Quote
from functions.backtest.orders import OrderType, Side, TimeInForce
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_events import DeskEvent
from local.simulators.venue.desk_request import DeskRequest, Effect, RequestLeg
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.faults import DESK, REQUESTS, STREAMS, Faults
from local.simulators.venue.venue import Venue
from local.tape.model import Bar, DailyBar, Minute, Session
from local.tape.sessions import MarketCalendar

ALICE = "11111111-1111-4111-8111-111111111111"
MONDAY = date(2018, 2, 5)
CALL, PUT = "SPY180205C00100000", "SPY180205P00100000"
NEXT_CALL, NEXT_HIGHER = "SPY180216C00100000", "SPY180216C00105000"
NEXT_PUT, NEXT_LOWER = "SPY180216P00100000", "SPY180216P00095000"
_SPREAD, _SIZE = Decimal("0.02"), Decimal(1000)


def sessions() -> list[Session]:
    """Weekdays of a year, 14:30 to 21:00 UTC."""
    days = (MONDAY - timedelta(days=28) + timedelta(days=count) for count in range(400))
    return [
        Session(
            day,
            datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 21, 0, tzinfo=UTC),
        )
        for day in days
        if day.weekday() < 5
    ]


class Written:
    """A tape with one quote per minute: `mids` by session, the last of them lasting until the close."""

    def __init__(self, mids: Sequence[Sequence[str]], size: Decimal = _SIZE) -> None:
        every = [session for session in sessions() if session.day >= MONDAY]
        self.sessions = tuple(every[: len(mids)])
        self.earlier = tuple(session for session in sessions() if session.day < MONDAY)[-1:]
        self.symbols = ("SPY",)
        self.description = "written down"
        self._mids = {session.day: list(mids[index]) for index, session in enumerate(self.sessions)}
        self._size = size

    def minutes(self, session: Session) -> Iterator[Minute]:
        for index, mid in enumerate(self._mids[session.day]):
            starts = session.opens_at + timedelta(minutes=index)
            ends = starts + timedelta(minutes=1)
            price = Decimal(mid)
            half = _SPREAD / 2
            quote = Quote("SPY", price - half, price + half, self._size, self._size, starts + timedelta(seconds=1))
            yield Minute(starts, ends, (quote,), (Bar("SPY", starts, ends, price, price, price, price, 1000),))

    def bars(self, symbol: str, session: Session) -> Sequence[Bar]:
        return []

    def daily(self, symbol: str) -> Sequence[DailyBar]:
        hundred = Decimal(100)
        return [DailyBar(self.earlier[-1].day, hundred, hundred, hundred, hundred, 1000)]


class Heard(Venue):
    """Remembers what it was told."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.events: list[DeskEvent] = []
        self.told: list[tuple[str, str, str]] = []
        self.booked: list[Activity] = []
        super().__init__(*given, **more)

    def on_event(self, event: DeskEvent) -> None:
        self.events.append(event)
        self.told.append((event.kind, event.order.client_order_id or "", event.order.state))

    def on_activities(self, account_id: str, activities: Sequence[Activity]) -> None:
        self.booked += activities


def venue(
    mids: Sequence[Sequence[str]], *, rules: Mapping[str, Any] | None = None, size: Decimal = _SIZE, **account: Any
) -> Heard:
    """Before its first open; alice has 100 000 dollars unless `account` says otherwise."""
    settings = AccountSettings.read(
        {"account_id": ALICE, "key": "alice", "secret": "secret", "cash": "100000", **account}
    )
    return Heard(
        Written(mids, size),
        MarketCalendar(sessions()),
        [settings],
        faults=Faults(REQUESTS | DESK | STREAMS, default_path="/orders"),
        rules=DeskRules(name="test", **(rules or {})),
    )


def opened(mids: Sequence[Sequence[str]], steps: int = 2, **more: Any) -> tuple[Heard, OrderDesk]:
    """After the open and the first minute."""
    made = venue(mids, **more)
    for _ in range(steps):
        made.advance()
    return made, made.desk(ALICE)


def leg(symbol: str = "SPY", side: str = "buy", effect: Effect | None = None, ratio: int = 1) -> RequestLeg:
    return RequestLeg(symbol, Side(side), effect, ratio)


def order(name: str, quantity: str | None, *legs: RequestLeg, limit: str | None = None, **more: Any) -> DeskRequest:
    """A market order, or a limit order where `limit` is given; good for the day."""
    values: dict[str, Any] = {
        "legs": legs or (leg(),),
        "type": OrderType.MARKET if limit is None else OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "quantity": None if quantity is None else Decimal(quantity),
        "limit": None if limit is None else Decimal(limit),
        "client_order_id": name,
    }
    return DeskRequest(**(values | more))
