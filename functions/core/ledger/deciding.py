"""What `strategy` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from functions.core.ledger.history import HistoryPart
from functions.core.ledger.part import Row
from functions.core.money import Amount


class HeldPosition(Row):
    """What a strategy holds of a symbol: signed shares or contracts, average entry in dollars a unit."""

    quantity: Amount
    average_entry: Amount


class OpenOrder(Row):
    """An order of a strategy that is not over; `remaining` is signed, by symbol. `placed_at` is event time, UTC."""

    trade_id: UUID
    placed_at: AwareDatetime
    order_type: str
    reduce_only: bool
    asked_to_cancel: bool
    remaining: dict[str, Amount]


class SplitToBook(Row):
    """A split of what is held, or of what it is an option on, that the broker has not booked on the account yet."""

    symbol: str
    ex_date: date


class DueStrategy(Row):
    """An active strategy that can decide, with what its decision needs, as its version in effect says it.

    `symbol` is the one that it decides in the name of; `last_bar_at` the end of the last bar it decided on, UTC.
    `held` and `working` are its own, in the symbol and in options on it, or in all symbols that it decides on at once.
    `exits_by` says who watches the planned exits of its entries: itself, or the ledger's exits too.
    `splits_to_book` may lie ahead: from its ex-date on, `held` is in old shares and prices are in new ones.
    """

    strategy_id: UUID
    user_id: UUID
    broker_account_id: UUID
    kind: str
    config: dict[str, Any]
    symbols: list[str]
    strategy_version: int
    symbol: str
    last_bar_at: AwareDatetime
    held: dict[str, HeldPosition]
    working: list[OpenOrder]
    splits_to_book: tuple[SplitToBook, ...] = ()
    exits_by: Literal["strategy", "watched"] = "strategy"


class HearingStrategy(DueStrategy):
    """An active strategy that hears quotes or fills, with the timeframe of its bars."""

    timeframe: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A strategy's row that cannot be read, and why."""

    strategy_id: str
    reason: str


class StoredBar(Row):
    """A completed bar as it is stored. Prices in dollars, volume in shares or contracts, times UTC."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount


class Undecided(Row):
    """A symbol whose newest bar some strategy has not decided on."""

    symbol: str
    timeframe: str
    until: AwareDatetime


class StrategyKind(Row):
    """One kind of the catalogue."""

    kind: str
    title: str
    description: str
    config_schema: dict[str, Any]


class LegToPlace(Row):
    """One of two to four legs of an order, `ratio` contracts for each package."""

    symbol: str
    side: str
    position_intent: str
    ratio: int


class PlanToArm(Row):
    """The planned exits of an entry, armed by its first fill: dollars, of several legs net; UTC."""

    stop_price: Amount | None = None
    target_price: Amount | None = None
    exit_at: AwareDatetime | None = None


class OrderToPlace(Row):
    """An order of a decision: a plain one has symbol, side and position_intent, one of several legs has legs.

    `number` tells the orders of one decision apart; prices in dollars, of several legs their net.
    """

    number: int
    symbol: str | None = None
    side: str | None = None
    position_intent: str | None = None
    legs: list[LegToPlace] | None = None
    order_type: str
    quantity: Amount
    price: Amount | None = None
    planned_stop: Amount | None = None
    exit_plan: PlanToArm | None = None
    reduce_only: bool = False
    good_until: AwareDatetime
    reason: str


class Saw(Row):
    """What a decision saw of its strategy: what was held, and which trades worked, in the order of their placing."""

    held: dict[str, Amount]
    working: list[UUID]


class DecisionToRecord(Row):
    """A decision of a version with its reason; `bar_at` is the end of the bar, or of the quote or the fill, UTC."""

    strategy_id: UUID
    strategy_version: int
    bar_at: AwareDatetime
    cause: Literal["bar", "quote", "fill"] = "bar"
    caused_by: str = ""
    reason: str
    orders: tuple[OrderToPlace, ...] = ()
    cancels: tuple[UUID, ...] = ()
    saw: Saw | None = None
    chain_taken_at: AwareDatetime | None = None
    trace: str | None = None


class Recorded(Row):
    """The trades that were placed; and the strategies that have something else by now than they saw."""

    placed: list[UUID]
    superseded: list[UUID]


class StoredQuote(Row):
    """One contract of a stored chain. Dollars a unit of the underlying; what the feed does not say is None."""

    symbol: str
    expiry: date
    right: Literal["call", "put"]
    strike: Amount
    multiplier: Amount
    bid: Amount
    ask: Amount
    bid_size: Amount | None = None
    ask_size: Amount | None = None
    quoted_at: AwareDatetime
    implied_volatility: Amount | None = None
    delta: Amount | None = None
    gamma: Amount | None = None
    theta: Amount | None = None
    vega: Amount | None = None
    open_interest: int | None = None


class StoredChain(Row):
    """An option chain as of the end of a bar; `quotes` as option_chain_snapshots holds them.

    `rate` is a year's interest as a fraction, for what the feed does not say; None where nobody said it.
    """

    underlying: str
    bar_at: AwareDatetime
    taken_at: AwareDatetime
    feed: str
    delay_seconds: int
    spot: Amount
    rate: Amount | None = None
    quotes: list[StoredQuote]


class FillToHear(Row):
    """An execution of a strategy's order, on which it has not decided. `quantity` is signed, `executed_at` UTC."""

    fill_id: UUID
    strategy_id: UUID
    symbol: str
    underlying: str
    quantity: Amount
    price: Amount
    executed_at: AwareDatetime


_BARS = TypeAdapter(list[StoredBar])
_UNDECIDED = TypeAdapter(list[Undecided])
_FILLS = TypeAdapter(list[FillToHear])
_DECISIONS = TypeAdapter(list[DecisionToRecord])
_Due = TypeVar("_Due", bound=DueStrategy)


def _due(row: dict[str, Any], model: type[_Due]) -> _Due | Unreadable:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unreadable(str(row.get("strategy_id")), f"{first['loc'][0]}: {first['msg']}")


class DecisionLedger(HistoryPart):
    """Strategies that are due, the bars they look at, and their decisions."""

    def strategies_due(
        self, symbol: str, timeframe: str, until: datetime, now: datetime
    ) -> list[DueStrategy | Unreadable]:
        """Active strategies that have not decided on the bar ending at `until`, in strategy-id order.

        One that decides with an option chain or with several symbols is not due before they are there, unless the bar
        has been over for long by `now`. Read row by row: what one user's row holds must not stop another's strategy.
        """
        rows = self._call(
            "strategies_due",
            {"p_symbol": symbol, "p_timeframe": timeframe, "p_until": until.isoformat(), "p_now": now.isoformat()},
        )
        return [_due(row, DueStrategy) for row in rows]

    def strategies_hearing(
        self, what: Literal["quotes", "fills"], symbol: str, strategy: UUID | None = None
    ) -> list[HearingStrategy | Unreadable]:
        """Active strategies that also decide on quotes, or on their fills, in strategy-id order."""
        arguments = {"p_what": what, "p_symbol": symbol, "p_strategy_id": None if strategy is None else str(strategy)}
        return [_due(row, HearingStrategy) for row in self._call("strategies_hearing", arguments)]

    def fills_to_hear(self, trade: UUID) -> list[FillToHear]:
        """The executions of a strategy's trade on which it has not decided, oldest first."""
        return _FILLS.validate_python(self._call("fills_to_hear", {"p_trade_id": str(trade)}))

    def chain_at(self, underlying: str, bar_at: datetime) -> StoredChain | None:
        """The option chain as of the end of a bar; None where none was taken."""
        row = self._call("chain_at", {"p_underlying": underlying, "p_bar_at": bar_at.isoformat()})
        return None if row is None else StoredChain.model_validate(row)

    def bars_until(self, symbol: str, timeframe: str, until: datetime, limit: int) -> list[StoredBar]:
        """The newest `limit` bars that had ended by `until`, oldest first."""
        return _BARS.validate_python(
            self._call(
                "bars_until",
                {"p_symbol": symbol, "p_timeframe": timeframe, "p_until": until.isoformat(), "p_limit": limit},
            )
        )

    def bars_undecided(self, now: datetime) -> list[Undecided]:
        """Where a sweep finds bars that no message brought to a decision, by `now` (UTC)."""
        return _UNDECIDED.validate_python(self._call("bars_undecided", {"p_now": now.isoformat()}))

    def record_decisions(self, symbol: str, decisions: Sequence[DecisionToRecord]) -> Recorded:
        """Stores the decisions, does what they ask for and moves the cursors, in one transaction.

        A decision on a bar that was decided before is passed over; one that saw something else of its strategy than
        there is by now is not made.
        """
        # Most decisions are to do nothing: what is not said is not sent.
        rows = _DECISIONS.dump_python(list(decisions), mode="json", exclude_defaults=True)
        return Recorded.model_validate(self._call("record_decisions", {"p_symbol": symbol, "p_decisions": rows}))

    def sync_strategy_kinds(self, kinds: Sequence[StrategyKind]) -> int:
        """Writes the catalogue; returns how many kinds changed."""
        written: int = self._call("sync_strategy_kinds", {"p_kinds": [kind.model_dump(mode="json") for kind in kinds]})
        return written
