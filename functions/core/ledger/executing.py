"""What `execute` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from functions.core.ledger.judging import WaitingTrade
from functions.core.ledger.part import Row, StreamingPart
from functions.core.money import Amount

LinkState = Literal["unverified", "verified", "refused"]


class TradingAccount(Row):
    """An active account; `working` says that something may be working at its broker.

    `trading_entered_at` is when its credential was entered, None while there is none. `link_state` is what is known of
    that credential, `link_code` and `link_reason` why it is refused; `verify_due`: it is time to ask the broker.
    """

    broker_account_id: UUID
    user_id: UUID
    broker: str
    account_id: str
    is_paper: bool
    working: bool
    trading_entered_at: AwareDatetime | None = None
    link_state: LinkState = "unverified"
    link_code: str | None = None
    link_reason: str | None = None
    verify_due: bool = False


class Link(Row):
    """What is on record of an account's credential; `recorded` is False where that is not by this very call."""

    recorded: bool
    state: LinkState
    code: str | None = None
    reason: str | None = None


class ClaimedLeg(Row):
    """One leg of a claimed order: `ratio` shares or contracts of it per unit."""

    symbol: str
    side: Literal["buy", "sell"]
    position_intent: Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
    ratio: int


class ClaimedOrder(Row):
    """An order that this sender alone may send. Quantity in shares or contracts, prices in dollars.

    `replaces_broker_order_id` is the working order whose place it takes: it is never sent as an order of its own.
    A `multi_leg` order has two to four `legs`: its quantity counts units, its price is the net price of one, positive
    pays; `symbol`, `side` and `position_intent` are those of leg 0.
    """

    trade_id: UUID
    user_id: UUID
    broker_account_id: UUID
    client_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    order_type: str
    time_in_force: str
    quantity: Amount | None
    notional: Amount | None
    price: Amount | None
    stop_price: Amount | None
    trail_price: Amount | None
    trail_percent: Amount | None
    position_intent: str
    extended_hours: bool = False
    multi_leg: bool
    legs: tuple[ClaimedLeg, ...] = ()
    replaces_trade_id: UUID | None
    replaces_broker_order_id: str | None
    good_until: AwareDatetime
    attempt: int
    sent_as: tuple[str, ...] = ()


class Doubt(Row):
    """How long a broker that does not show an order is doubted, seconds of machine time.

    It is believed `patience` after the sending ended, and where `gap` is above zero after reads over that time which
    nothing interrupted, the first of them at least `settle` after the sending ended.
    """

    settle: float = 0
    patience: float = 0
    gap: float = 0


class Unseen(Row):
    """What follows when the broker does not show an order: look again, send `order`, or neither for `refusal`."""

    look_again: bool
    refusal: str | None
    order: ClaimedOrder | None = None


class WorkingOrder(Row):
    """A trade that should be working at the broker."""

    trade_id: UUID
    client_order_id: str
    broker_order_id: str
    status: str
    filled_quantity: Amount


class CancelDue(Row):
    """An order that the broker still has to be asked to cancel."""

    trade_id: UUID
    broker_account_id: UUID
    broker_order_id: str


class ToldLeg(Row):
    """A leg of an order as the broker tells it; quantities in shares or contracts, not in units."""

    symbol: str
    side: str
    position_intent: str | None = None
    quantity: Amount | None = None
    filled_quantity: Amount | None = None


class FillToRecord(Row):
    """One execution as the broker reported it. Price in dollars, quantities in shares or contracts, time UTC.

    `external_id` is the broker's own name of it on this path. Where the broker has one name for all paths that names
    the fill; else `cumulative_quantity`, the filled quantity of the order's leg after it, does. What is said of the
    order besides (`order_type` and on) is for one that was placed outside; `replaces` is the broker's id of the order
    whose place it took.
    """

    broker_order_id: str
    client_order_id: str | None
    leg: int = 0
    symbol: str
    side: str
    quantity: Amount
    price: Amount
    cumulative_quantity: Amount
    executed_at: AwareDatetime
    source: Literal["stream", "activities", "order"]
    external_id: str | None
    fee: Amount = Decimal(0)
    order_type: str = "market"
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    ordered_quantity: Amount | None = None
    time_in_force: str | None = None
    legs: tuple[ToldLeg, ...] = ()
    replaces: str | None = None
    parent_order_id: str | None = None


class FillChange(Row):
    """A fill that the broker takes back (bust) or corrects, named as the path that told it names fills."""

    kind: Literal["bust", "correction"]
    broker_order_id: str
    corrects_external_id: str
    external_id: str | None
    quantity: Amount | None = None
    price: Amount | None = None
    executed_at: AwareDatetime
    source: Literal["stream", "activities", "order"]


class UnrecordedFill(Row):
    """A place in the list that was asked about, and whether a trade knows the order of that execution."""

    index: int
    order_known: bool


class BrokerUpdate(Row):
    """The broker's word on an order's state, normalised; never a fill.

    `filled_quantity`, in units where it has several `legs`, is what the broker says is filled of it: the ledger takes
    no end before it has those fills. `is_over`: nothing of it works any more, filled or not.
    `adopt`: where it works and is not on record, it becomes a trade of source external, of what is said after that.
    """

    broker_order_id: str
    client_order_id: str | None
    filled_quantity: Amount | None = None
    legs: tuple[ToldLeg, ...] = ()
    replaces: str | None = None
    status: Literal["submitted", "cancel_pending", "replace_pending", "canceled", "expired", "rejected", "replaced"]
    at: AwareDatetime
    is_over: bool = False
    reason: str | None = None
    adopt: bool = False
    symbol: str | None = None
    side: str | None = None
    position_intent: str | None = None
    order_type: str = "market"
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    ordered_quantity: Amount | None = None
    time_in_force: str | None = None
    parent_order_id: str | None = None


class StreamCursor(Row):
    """How far a worker has handled a stream once this effect is committed."""

    worker: str
    stream: str
    position: AwareDatetime


_ACCOUNTS = TypeAdapter(list[TradingAccount])
_WAITING = TypeAdapter(list[WaitingTrade])
_CLAIMED = TypeAdapter(list[ClaimedOrder])
_WORKING = TypeAdapter(list[WorkingOrder])
_CANCELS = TypeAdapter(list[CancelDue])
_UNRECORDED = TypeAdapter(list[UnrecordedFill])
_TIME: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)


class ExecutionLedger(StreamingPart):
    """Claims, attempts, submissions, fills and what else the broker says."""

    def trading_accounts(self) -> list[TradingAccount]:
        """The active accounts."""
        return _ACCOUNTS.validate_python(self._call("trading_accounts", {}))

    def record_account_verification(
        self, account: UUID, entered_at: datetime, state: LinkState, code: str | None = None, reason: str | None = None
    ) -> Link:
        """What came of asking the broker with the credential that was entered at `entered_at`."""
        return Link.model_validate(
            self._call(
                "record_account_verification",
                {
                    "p_account_id": str(account),
                    "p_entered_at": entered_at.isoformat(),
                    "p_state": state,
                    "p_code": code,
                    "p_reason": reason,
                },
            )
        )

    def approved_trades(self, account: UUID | None = None) -> list[WaitingTrade]:
        """Trades to send, in the order they were placed."""
        return _WAITING.validate_python(
            self._call("approved_trades", {"p_account_id": str(account) if account else None})
        )

    def claim_trade(self, trade: UUID, owner: str, now: datetime, lease_seconds: float) -> ClaimedOrder | None:
        """Takes an approved trade for sending; None where it is not (or no longer) to be sent.

        `now` is the injected clock's: past `good_until` the trade expires instead.
        """
        answer = self._call(
            "claim_trade",
            {"p_trade_id": str(trade), "p_owner": owner, "p_now": now.isoformat(), "p_lease_seconds": lease_seconds},
        )
        return ClaimedOrder.model_validate(answer) if answer["claimed"] else None

    def claim_unresolved(
        self,
        owner: str,
        lease_seconds: float,
        account: UUID | None = None,
        *,
        first_seconds: float = 0,
        longest_seconds: float = 0,
    ) -> list[ClaimedOrder]:
        """Takes the trades whose outcome at the broker is unknown and that it is time to look for.

        `sent_as` are all names under which the order was sent, `client_order_id` the last of them.
        """
        return _CLAIMED.validate_python(
            self._call(
                "claim_unresolved",
                {
                    "p_owner": owner,
                    "p_lease_seconds": lease_seconds,
                    "p_account_id": str(account) if account else None,
                    "p_first_seconds": first_seconds,
                    "p_longest_seconds": longest_seconds,
                },
            )
        )

    def claim_resend(
        self, trade: UUID, attempt: int, now: datetime, owner: str, lease_seconds: float, doubt: Doubt
    ) -> Unseen:
        """Says that the broker did not show the order to this attempt, and asks what follows."""
        answer = self._call(
            "claim_resend",
            {
                "p_trade_id": str(trade),
                "p_attempt": attempt,
                "p_now": now.isoformat(),
                "p_owner": owner,
                "p_lease_seconds": lease_seconds,
                "p_settle_seconds": doubt.settle,
                "p_patience_seconds": doubt.patience,
                "p_gap_seconds": doubt.gap,
            },
        )
        return Unseen.model_validate(answer)

    def record_submission(
        self, trade: UUID, attempt: int, broker_order_id: str, at: datetime, *, adopted: bool = False
    ) -> str:
        """The broker has the order; returns the trade's status now. `adopted`: it was found, not answered."""
        answer = self._call(
            "record_submission",
            {
                "p_trade_id": str(trade),
                "p_attempt": attempt,
                "p_broker_order_id": broker_order_id,
                "p_at": at.isoformat(),
                "p_adopted": adopted,
            },
        )
        return str(answer["status"])

    def record_attempt(
        self,
        trade: UUID,
        attempt: int,
        outcome: Literal["rejected", "unknown", "not_placed"],
        detail: str,
        at: datetime,
    ) -> str:
        """The sending did not end in an order that we know of; returns the trade's status now."""
        answer = self._call(
            "record_attempt",
            {
                "p_trade_id": str(trade),
                "p_attempt": attempt,
                "p_outcome": outcome,
                "p_detail": detail,
                "p_at": at.isoformat(),
            },
        )
        return str(answer["status"])

    def record_fill(self, account: UUID, fill: FillToRecord, cursor: StreamCursor | None = None) -> bool:
        """Records one execution; True where it was counted now, False where it was on record already."""
        answer = self._call(
            "record_fill",
            {
                "p_account_id": str(account),
                "p_fill": fill.model_dump(mode="json"),
                "p_cursor": cursor.model_dump(mode="json") if cursor else None,
            },
        )
        return bool(answer["counted"])

    def record_fill_change(self, account: UUID, change: FillChange) -> bool:
        """Records a bust or a correction; True where it was counted now.

        One whose fill is not on record waits for it, and halts the account until somebody has compared.
        """
        answer = self._call(
            "record_fill", {"p_account_id": str(account), "p_fill": change.model_dump(mode="json"), "p_cursor": None}
        )
        return bool(answer["counted"])

    def unrecorded_fills(self, account: UUID, fills: Sequence[FillToRecord]) -> list[UnrecordedFill]:
        """Which of these executions are not on record, in their order."""
        named = {"broker_order_id", "symbol", "cumulative_quantity", "external_id"}
        rows = [fill.model_dump(mode="json", include=named) for fill in fills]
        return _UNRECORDED.validate_python(
            self._call("unrecorded_fills", {"p_account_id": str(account), "p_fills": rows})
        )

    def record_broker_update(
        self, account: UUID, update: BrokerUpdate, cursor: StreamCursor | None = None
    ) -> str | None:
        """Records the broker's word on an order; returns the trade's status now, None where the order is not ours."""
        answer = self._call(
            "record_broker_update",
            {
                "p_account_id": str(account),
                "p_update": update.model_dump(mode="json"),
                "p_cursor": cursor.model_dump(mode="json") if cursor else None,
            },
        )
        return answer["status"] if answer["trade_id"] else None

    def working_orders(self, account: UUID) -> list[WorkingOrder]:
        """Trades that should be working at the broker."""
        return _WORKING.validate_python(self._call("working_orders", {"p_account_id": str(account)}))

    def cancel_orders_due(self) -> list[CancelDue]:
        """Orders that the broker still has to be asked to cancel."""
        return _CANCELS.validate_python(self._call("cancel_orders_due", {}))
