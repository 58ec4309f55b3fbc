"""Every message on the bus: one frozen envelope, one model of data per event, told apart by `type`.

A message is only a wake-up; the row is the truth. A consumer is idempotent by (consumer, id).
"""

from __future__ import annotations

from datetime import UTC, date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.money import Amount

Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9./]{0,31}$")]


class Data(BaseModel):
    """Payload of an event: frozen; fields unknown to this version are ignored, so that a newer sender is heard."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Envelope(Data):
    """What every event carries.

    `occurred_at` is event time in UTC; `key` the ordering key; `sequence` counts per key where order matters;
    `trace` is a W3C traceparent.
    """

    id: UUID
    occurred_at: AwareDatetime
    key: str = Field(min_length=1)
    sequence: int | None = None
    trace: str | None = None


class BarData(Data):
    """One completed bar. Prices in the instrument's currency, volume in shares or contracts, times UTC."""

    symbol: Symbol
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    feed: str
    delay_seconds: int = Field(0, ge=0, description="Declared delay of the feed")

    @model_validator(mode="after")
    def _is_a_bar(self) -> Self:
        if min(self.open, self.high, self.low, self.close) <= 0:
            raise ValueError(f"prices must be above zero, was o={self.open} h={self.high} l={self.low} c={self.close}")
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(
                f"expected low <= open, close <= high, was o={self.open} h={self.high} l={self.low} c={self.close}"
            )
        if self.volume < 0:
            raise ValueError(f"volume must not be negative, was {self.volume}")
        if self.ends_at <= self.starts_at:
            raise ValueError(f"a bar ends after it starts, was {self.starts_at} to {self.ends_at}")
        return self


class TopOfBook(Data):
    """The best bid and ask of something. Prices in the instrument's currency, sizes in shares or contracts."""

    symbol: Symbol
    bid: Amount
    ask: Amount
    bid_size: Amount
    ask_size: Amount
    quoted_at: AwareDatetime
    feed: str
    delay_seconds: int = Field(0, ge=0, description="Declared delay of the feed; above zero never prices a live order")

    @model_validator(mode="after")
    def _is_a_quote(self) -> Self:
        if self.bid < 0 or self.ask <= 0:
            raise ValueError(f"bid and ask must be above zero, was bid={self.bid} ask={self.ask}")
        if self.bid_size < 0 or self.ask_size < 0:
            raise ValueError(f"sizes must not be negative, was bid_size={self.bid_size} ask_size={self.ask_size}")
        if self.bid > self.ask:
            raise ValueError(f"bid must not be above ask, was bid={self.bid} ask={self.ask}")
        return self


class QuoteData(TopOfBook):
    """The best bid and ask of what is no option: somebody bids."""

    @model_validator(mode="after")
    def _has_a_bid(self) -> Self:
        if self.bid == 0:
            raise ValueError(f"bid and ask must be above zero, was bid={self.bid} ask={self.ask}")
        return self


class OptionQuoteData(TopOfBook):
    """The best bid and ask of an option contract. Dollars a unit of the underlying; a bid of zero: nobody bids."""

    underlying: Symbol


class ChainData(Data):
    """Which option chain was taken: as of the end of which bar of the underlying, from whose feed, how many contracts.

    `taken_at` is when the feed was asked.
    """

    underlying: Symbol
    bar_at: AwareDatetime
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
    taken_at: AwareDatetime
    feed: str
    delay_seconds: int = Field(0, ge=0, description="Declared delay of the feed; above zero never prices a live order")
    contracts: int = Field(ge=0)


class TradeData(Data):
    """Which trade, whose, and the row version that the sender saw."""

    trade_id: UUID
    user_id: UUID
    broker_account_id: UUID
    strategy_id: UUID | None = None
    symbol: str
    status: str
    version: int


class StrategyData(Data):
    """Which strategy changed, and to what.

    `strategy_version` is its newest version, or the one that was validated; `effective_version` decides, since
    `effective_since`. `valid` is the verdict of a validation; `then` what a deactivation does to what is open.
    """

    strategy_id: UUID
    user_id: UUID
    status: str
    version: int
    strategy_version: int | None = None
    effective_version: int | None = None
    effective_since: AwareDatetime | None = None
    valid: bool | None = None
    then: Literal["leave", "cancel_orders", "flatten"] | None = None


class AccountData(Data):
    """Whose trading credential was entered, and when: the account has to be verified with it."""

    broker_account_id: UUID
    user_id: UUID
    entered_at: AwareDatetime


class ExerciseData(Data):
    """Which wish about a held option, whose, and how far it is. `version` is its row."""

    exercise_id: UUID
    user_id: UUID
    broker_account_id: UUID
    symbol: str
    wish: Literal["exercise", "do_not_exercise"]
    status: str
    version: int


class GateData(Data):
    """Which gate was closed or opened, how hard the halt is or was, and why. `version` is the gate's row."""

    gate_key: str
    scope: Literal["global", "user", "account", "strategy"]
    scope_id: UUID | None = None
    user_id: UUID | None = None
    mode: Literal["no_new_entries", "cancel_working", "flatten"]
    reason: str
    by_whom: str
    version: int


class AlertData(Data):
    """Something a person should see."""

    alert_id: UUID
    user_id: UUID | None = None
    code: str
    text: str


class BreachData(Data):
    """A watched limit that was broken, on what it was measured, and what was done. Both numbers in the limit's unit."""

    breach_id: int
    limit_id: UUID
    name: str
    scope: Literal["global", "user", "account", "strategy"]
    user_id: UUID | None = None
    broker_account_id: UUID | None = None
    strategy_id: UUID | None = None
    value: Amount
    measured: Amount
    act: str


class ReportData(Data):
    """Which daily report was written or corrected. `report_version` counts corrections."""

    report_id: UUID
    user_id: UUID
    broker_account_id: UUID
    report_date: date
    report_version: int


class WebhookData(Data):
    """Whose webhooks have something to send; None: everybody's may."""

    user_id: UUID | None = None


class BarCompleted(Envelope):
    type: Literal["bar.completed"] = "bar.completed"
    data: BarData

    @classmethod
    def of(cls, bar: BarData, trace: str | None = None) -> BarCompleted:
        """The event of a completed bar: the same bar always makes the same id."""
        name = named_uuid("bar", bar.feed, bar.symbol, bar.timeframe, bar.starts_at.isoformat())
        return cls(id=name, occurred_at=bar.ends_at, key=bar.symbol, trace=trace, data=bar)


class QuoteUpdated(Envelope):
    type: Literal["quote.updated"] = "quote.updated"
    data: QuoteData

    @classmethod
    def of(cls, quote: QuoteData, trace: str | None = None) -> QuoteUpdated:
        """The event of a new best bid and ask."""
        name = named_uuid("quote", quote.feed, quote.symbol, quote.quoted_at.isoformat())
        return cls(id=name, occurred_at=quote.quoted_at, key=quote.symbol, trace=trace, data=quote)


class OptionQuoted(Envelope):
    type: Literal["option_quote.updated"] = "option_quote.updated"
    data: OptionQuoteData

    @classmethod
    def of(cls, quote: OptionQuoteData, trace: str | None = None) -> OptionQuoted:
        """The event of a new best bid and ask of an option, in the order of its underlying."""
        name = named_uuid("option quote", quote.feed, quote.symbol, quote.quoted_at.isoformat())
        return cls(id=name, occurred_at=quote.quoted_at, key=quote.underlying, trace=trace, data=quote)


class ChainTaken(Envelope):
    type: Literal["chain.taken"] = "chain.taken"
    data: ChainData

    @classmethod
    def of(cls, chain: ChainData, trace: str | None = None) -> ChainTaken:
        """The event of a chain on record, for those who decide on bars of its timeframe; in the underlying's order."""
        name = named_uuid("chain", chain.underlying, chain.timeframe, chain.bar_at.astimezone(UTC).isoformat())
        return cls(id=name, occurred_at=chain.bar_at, key=chain.underlying, trace=trace, data=chain)


class TradePlaced(Envelope):
    type: Literal["trade.placed"] = "trade.placed"
    data: TradeData


class TradeChanged(Envelope):
    type: Literal[
        "trade.approved", "trade.rejected", "trade.submitting", "trade.submitted", "trade.partially_filled",
        "trade.filled", "trade.cancel_requested", "trade.replace_requested", "trade.canceled", "trade.replaced",
        "trade.expired", "trade.unknown",
    ]  # fmt: skip
    data: TradeData


class StrategyChanged(Envelope):
    type: Literal[
        "strategy.edited", "strategy.validated", "strategy.activated", "strategy.deactivated", "strategy.halted",
    ]  # fmt: skip
    data: StrategyData


class AccountChanged(Envelope):
    type: Literal["account.credentials_entered"] = "account.credentials_entered"
    data: AccountData


class ExerciseChanged(Envelope):
    type: Literal[
        "exercise.requested", "exercise.sending", "exercise.accepted", "exercise.unknown", "exercise.done",
        "exercise.rejected", "exercise.expired", "exercise.not_taken",
    ]  # fmt: skip
    data: ExerciseData


class HaltChanged(Envelope):
    type: Literal["halt.engaged", "halt.lifted"]
    data: GateData


class AlertRaised(Envelope):
    type: Literal["alert.raised"] = "alert.raised"
    data: AlertData


class LimitBreached(Envelope):
    type: Literal["limit.breached"] = "limit.breached"
    data: BreachData


class ReportWritten(Envelope):
    type: Literal["report.written"] = "report.written"
    data: ReportData


class WebhookQueued(Envelope):
    type: Literal["webhook.queued"] = "webhook.queued"
    data: WebhookData


Event = Annotated[
    BarCompleted
    | QuoteUpdated
    | OptionQuoted
    | ChainTaken
    | TradePlaced
    | TradeChanged
    | StrategyChanged
    | AccountChanged
    | ExerciseChanged
    | HaltChanged
    | AlertRaised
    | LimitBreached
    | ReportWritten
    | WebhookQueued,
    Field(discriminator="type"),
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def parse(payload: bytes | str | dict[str, Any]) -> Event:
    """Reads one event from JSON. Raises BadInput BAD_EVENT naming the field, what was expected and what was found."""
    try:
        return _EVENT.validate_python(payload) if isinstance(payload, dict) else _EVENT.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "event"
        raise BadInput("BAD_EVENT", f"{where}: {first['msg']}, was {first.get('input')!r}", field=where) from None


def dump(event: Envelope) -> dict[str, Any]:
    """The event as JSON-ready data: times in ISO 8601 UTC, money as text."""
    return event.model_dump(mode="json")


def schemas() -> dict[str, Any]:
    """JSON Schema of the union, as it is sent: generated, committed, checked for staleness."""
    return _EVENT.json_schema(mode="serialization")
