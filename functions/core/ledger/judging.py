"""What `risk` asks of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from functions.core.ledger.book_closed import BookClosed
from functions.core.ledger.book_market import BookMarket
from functions.core.ledger.book_orders import BookOrders
from functions.core.ledger.book_results import BookResults
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount, Total, text


class WaitingTrade(Row):
    """A trade that waits for the next step, and its account."""

    trade_id: UUID
    broker_account_id: UUID
    reduce_only: bool = False


class PendingTrade(WaitingTrade):
    """One that waits for its verdict. `book` is the ledger's answer of `risk_book`, where it came along.

    With `waits_for_exit` the stop that rests at the broker for this exit has to give way first.
    """

    book: Any = None
    waits_for_exit: UUID | None = None


class JudgedTrade(Row):
    """The order to judge. Quantity in shares or contracts, prices in dollars, times UTC (event time).

    `worse_quantity` is what may still fill of it and of the order that it replaces, at the worse of the two and of the
    leg that has most left: for an order that replaces none its quantity. Of a `multi_leg` order it counts units, and
    `price` is net; symbol and side are those of leg 0: `RiskBook.legs` are the order.
    """

    id: UUID
    user_id: UUID
    broker_account_id: UUID
    strategy_id: UUID | None
    symbol: str
    side: str
    order_type: str
    quantity: Amount | None
    notional: Amount | None
    price: Amount | None
    stop_price: Amount | None
    trail_price: Amount | None
    trail_percent: Amount | None
    planned_stop: Amount | None
    reduce_only: bool
    extended_hours: bool = False
    multi_leg: bool
    replaces_trade_id: UUID | None
    worse_quantity: Amount | None
    status: str
    event_at: AwareDatetime
    good_until: AwareDatetime


class BookExposure(Row):
    """What is open in one symbol within a scope: signed position, and what working orders may still buy and sell."""

    symbol: str
    position: Total
    to_buy: Total
    to_sell: Total
    multiplier: Amount


class BookMark(Row):
    """The latest mark of a symbol, dollars, and when it was seen (UTC)."""

    mark: Amount
    marked_at: AwareDatetime


class BookQuote(Row):
    """The latest stored quote: what is left when the hot store has lost it."""

    bid: Amount
    ask: Amount
    bid_size: Amount
    ask_size: Amount
    quoted_at: AwareDatetime
    feed: str
    delay_seconds: int


class BookLeg(Row):
    """One symbol of the order: what is done with it, its instrument, and its latest stored quote.

    `multiplier` is units of the underlying per share or contract; the terms are None for what is no option. An option
    that nobody bids for is quoted with a bid of zero.
    """

    symbol: str
    side: str
    position_intent: str
    ratio: int
    kind: str
    multiplier: Amount
    underlying: str | None
    option_right: str | None
    strike: Amount | None
    expires_on: date | None
    shortable: bool | None = None
    quote: BookQuote | None


class BookLimit(Row):
    """A limit that applies to the order."""

    scope: str
    symbol: str | None
    name: str
    value: Amount
    unit: str
    parameters: dict[str, Amount] = Field(default_factory=dict)
    act: str | None = None


class BookSession(Row):
    """A session around the order's day."""

    date: date
    opens_at: AwareDatetime
    closes_at: AwareDatetime


class BookRules(Row):
    """What the broker lets the account do, by its newest word; see `functions.brokers.holdings.AccountRules`."""

    is_margin: bool | None
    options_level: int
    may_short: bool
    closing_only: bool
    blocked: str | None


class BookMoney(Row):
    """What the broker said of the account's money before the session of the order opened, and what moved since.

    `then` and `packages_then` are what was open at that moment; `marks` value it.
    """

    as_of: AwareDatetime
    cash: Amount
    buying_power: Amount | None
    options_buying_power: Amount | None
    settled_cash: Amount | None
    moved: Amount
    spent: Amount
    then: list[BookExposure]
    packages_then: list[dict[str, Amount]]
    marks: dict[str, BookMark]


class BookAccount(Row):
    """What the account's broker said; None is what it has not."""

    rules: BookRules | None
    money: BookMoney | None


class RiskBook(Row):
    """Everything the rules look at for one trade, in one snapshot of the ledger.

    `packages` are, by scope, the options of each working order that may open something: signed contracts by symbol.
    `seen` names which approvals and limits it knows: `approve_trade` asks for another judgement where there are more.
    """

    trade: JudgedTrade
    is_paper: bool
    legs: list[BookLeg]
    exposures: dict[str, list[BookExposure]]
    packages: dict[str, list[dict[str, Amount]]]
    marks: dict[str, BookMark]
    limits: list[BookLimit]
    closed_gates: list[str]
    account: BookAccount | None = None
    orders: BookOrders | None = None
    closed: BookClosed | None = None
    sessions: list[BookSession]
    results: BookResults = BookResults()
    seen: str
    market: BookMarket = Field(default_factory=BookMarket)


class RuleVerdict(Row):
    """One rule's verdict, for the record."""

    rule: str
    verdict: str
    numbers: dict[str, str]


class Approval(Row):
    """The status that a trade has now; `judge_again` where the book that it was judged by has moved."""

    status: str
    judge_again: bool = False


class HaltRound(Row):
    """One round of flattening an account: the orders it placed, and those it asked to be cancelled."""

    placed: list[UUID]
    canceled: list[UUID]


_PENDING = TypeAdapter(list[PendingTrade])
_ACCOUNTS = TypeAdapter(list[UUID])


class RiskLedger(LedgerPart):
    """Pending trades, the book to judge them by, and the verdicts."""

    def pending_trades(self, account: UUID | None = None) -> list[PendingTrade]:
        """Trades that are not judged yet, in the order they were placed; the first with its book."""
        return _PENDING.validate_python(
            self._call("pending_trades", {"p_account_id": str(account) if account else None})
        )

    def risk_book(self, trade: UUID, answer: Any = None) -> RiskBook | None:
        """The book of one trade; None where there is no such trade. `answer` is one that has come already."""
        found = answer or self._call("risk_book", {"p_trade_id": str(trade)})
        return RiskBook.model_validate(found) if found else None

    def approve_trade(
        self,
        trade: UUID,
        verdicts: Sequence[RuleVerdict],
        marks: Mapping[str, Decimal],
        quantity: Decimal | None = None,
        seen: str | None = None,
    ) -> Approval:
        """Approves after the ledger's own re-check under lock.

        `marks` value each symbol that is ordered, dollars a unit; `quantity` is set where a rule reduced the order.
        `seen` is the book's: where an order of the same limits was approved since, nothing is written.
        """
        answer = self._call(
            "approve_trade",
            {
                "p_trade_id": str(trade),
                "p_decisions": [verdict.model_dump(mode="json") for verdict in verdicts],
                "p_marks": {symbol: text(mark) for symbol, mark in marks.items()},
                "p_quantity": None if quantity is None else text(quantity),
                "p_seen": seen,
            },
        )
        return Approval.model_validate(answer)

    def reject_trade(self, trade: UUID, verdicts: Sequence[RuleVerdict], refusal: str) -> str:
        """Rejects with the rule's reason; returns the status the trade has now."""
        answer = self._call(
            "reject_trade",
            {
                "p_trade_id": str(trade),
                "p_decisions": [verdict.model_dump(mode="json") for verdict in verdicts],
                "p_refusal": refusal,
            },
        )
        return str(answer["status"])

    def expire_trade(self, trade: UUID, now: datetime) -> str:
        """Expires a trade that was not sent by its `good_until`; returns the status the trade has now."""
        answer = self._call("expire_trade", {"p_trade_id": str(trade), "p_now": now.isoformat()})
        return str(answer["status"])

    def halts_to_continue(self) -> list[UUID]:
        """The accounts that a flattening halt has still to close something of."""
        return _ACCOUNTS.validate_python(self._call("halts_to_continue", {}))

    def continue_halt(self, account: UUID, now: datetime) -> HaltRound:
        """One round: closing orders for what nothing closes yet, where the market is open at `now` (event time)."""
        said = {"p_account_id": str(account), "p_now": now.isoformat()}
        return HaltRound.model_validate(self._call("continue_halt", said))
