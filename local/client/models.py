"""What the API takes and answers. Made from docs/openapi.json by `make api`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, RootModel, SecretStr
from typing_extensions import TypeAliasType

from local.client.model import Model


class Data(Model):
    trade_id: UUID
    broker_account_id: UUID
    strategy_id: UUID | None = None
    symbol: str
    status: str
    version: int


class WebhookTradeEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal[
        "trade.placed",
        "trade.approved",
        "trade.rejected",
        "trade.submitting",
        "trade.submitted",
        "trade.partially_filled",
        "trade.filled",
        "trade.cancel_requested",
        "trade.replace_requested",
        "trade.canceled",
        "trade.replaced",
        "trade.expired",
        "trade.unknown",
    ]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data


class Data1(Model):
    scope: Literal["global", "user", "account", "strategy"]
    scope_id: UUID | None = None
    mode: Literal["no_new_entries", "cancel_working", "flatten"]
    reason: str


class WebhookHaltEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["halt.engaged", "halt.lifted"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data1


class Data2(Model):
    breach_id: int
    limit_id: UUID
    name: str
    scope: Literal["global", "user", "account", "strategy"]
    broker_account_id: UUID | None = None
    strategy_id: UUID | None = None
    value: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    measured: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    act: str


class WebhookLimitEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["limit.breached"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data2


class Data3(Model):
    alert_id: UUID
    code: str
    text: str


class WebhookAlertEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["alert.raised"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data3


class Data4(Model):
    strategy_id: UUID
    status: str
    version: int


class WebhookStrategyEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["strategy.halted"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data4


class Data5(Model):
    report_id: UUID
    broker_account_id: UUID
    report_date: Annotated[date, Field(description="A date of the exchange (New York).")]
    report_version: int


class WebhookReportEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["report.written"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data5


class Data6(Model):
    webhook_id: UUID


class WebhookTestEvent(Model):
    id: Annotated[UUID, Field(description="Of the event: count it once by this.")]
    type: Literal["webhook.test"]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    data: Data6


class Alert(Model):
    id: UUID
    broker_account_id: Annotated[
        UUID | None,
        Field(description="The account that it is about; null where it is about none."),
    ]
    code: Annotated[
        str,
        Field(
            description="What it is, in a word that does not change.",
            examples=["HALT_NOT_DONE"],
        ),
    ]
    severity: Literal["info", "warning", "critical"]
    text: Annotated[str, Field(description="What happened and what to do.")]
    numbers: Annotated[dict[str, Any], Field(description="What was seen.")]
    raised_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    acknowledged_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    acknowledged_by: str | None


class FieldProblem(Model):
    field: Annotated[str, Field(examples=["body.quantity"])]
    reason: str


class MadeApiKey(Model):
    id: UUID
    name: str
    prefix: Annotated[
        str,
        Field(
            description="The beginning of the key, by which you recognise it.",
            examples=["at_0123abcd"],
        ),
    ]
    scopes: Annotated[
        list[Literal["read", "trade", "strategies", "risk", "reports"]],
        Field(max_length=5, min_length=1),
    ]
    expires_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    last_used_at: Annotated[
        AwareDatetime | None,
        Field(description="To the minute.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    revoked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    key: Annotated[str, Field(description="The key itself: shown now, and never again.")]


class NewApiKey(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[str, Field(examples=["my rebalancer"], max_length=100, min_length=1)]
    scopes: Annotated[
        list[Literal["read", "trade", "strategies", "risk", "reports"]],
        Field(
            description="What it may do; they only ever shrink.",
            max_length=5,
            min_length=1,
        ),
    ]
    expires_at: Annotated[AwareDatetime, Field(description="At most two years from now.")]


class ApiKey(Model):
    id: UUID
    name: str
    prefix: Annotated[
        str,
        Field(
            description="The beginning of the key, by which you recognise it.",
            examples=["at_0123abcd"],
        ),
    ]
    scopes: Annotated[
        list[Literal["read", "trade", "strategies", "risk", "reports"]],
        Field(max_length=5, min_length=1),
    ]
    expires_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    last_used_at: Annotated[
        AwareDatetime | None,
        Field(description="To the minute.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    revoked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class AuditLink(Model):
    chain: Annotated[str, Field(description="The broker account's id, else user:<id>, else global.")]
    sequence: Annotated[int, Field(description="Its number in the chain, from 1 without a gap.")]
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    actor: Annotated[
        str,
        Field(
            description="Who did it.",
            examples=["user:6f6c1c5e-3e1d-4b0a-9d6a-0d5a3a7c2b11"],
        ),
    ]
    action: Literal["INSERT", "UPDATE", "DELETE"]
    table_name: str
    row_id: str
    before: Annotated[
        str | None,
        Field(
            description="The whole row without secrets, as JSON text: the text is what the hash is of, and keeps every digit."
        ),
    ]
    after: Annotated[
        str | None,
        Field(
            description="The whole row without secrets, as JSON text: the text is what the hash is of, and keeps every digit."
        ),
    ]
    previous_hash: Annotated[str, Field(description="SHA-256, in hexadecimal digits.")]
    hash: Annotated[str, Field(description="SHA-256, in hexadecimal digits.")]


class AutomationSecret(Model):
    source_id: UUID
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]
    secret: Annotated[
        str,
        Field(
            description="Shown this once. Events are signed with it; of a url_token source it stands in the address."
        ),
    ]
    url: Annotated[str, Field(description="Where events are sent.")]


class Symbol(RootModel[str]):
    root: Annotated[str, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")]


class Network(RootModel[str]):
    root: Annotated[
        str,
        Field(examples=["203.0.113.0/24"], pattern="^[0-9A-Fa-f:.]{2,45}\\/\\d{1,3}$"),
    ]


class AutomationTemplate(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    event: Annotated[str, Field(examples=["model_score"], max_length=100, min_length=1)]
    symbol: Annotated[str | None, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")] = None
    at_least: Annotated[Decimal | None, Field(examples=["100.25"])] = None
    at_most: Annotated[Decimal | None, Field(examples=["100.25"])] = None
    order: Annotated[
        dict[str, Any],
        Field(
            description="As an event's own order; without symbol that of the event.",
            examples=[{"side": "buy", "position_intent": "buy_to_open", "quantity": "10"}],
        ),
    ]


class AutomationSource(Model):
    id: UUID
    broker_account_id: UUID
    strategy_id: UUID | None
    name: str
    kind: Literal["generic", "tradingview"]
    authentication: Literal["hmac", "url_token"]
    symbols: list[str]
    max_quantity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    max_per_minute: int
    networks: list[str]
    templates: list[dict[str, Any]]
    enabled: bool
    secret_changed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class AutomationSourceSettings(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[
        str,
        Field(
            description="Unique among your sources.",
            examples=["My model"],
            max_length=100,
            min_length=1,
        ),
    ]
    strategy_id: Annotated[UUID | None, Field(description="The strategy that its trades are counted to.")]
    symbols: Annotated[
        list[Symbol],
        Field(description="What it may trade.", max_length=100, min_length=1),
    ]
    max_quantity: Annotated[
        Decimal,
        Field(description="The most it may ask for in one order.", examples=["10"]),
    ]
    max_per_minute: Annotated[int, Field(ge=1, le=600)]
    networks: Annotated[
        list[Network],
        Field(
            description="Where its events may come from; empty: anywhere (only where they are signed).",
            max_length=50,
        ),
    ]
    templates: Annotated[
        list[AutomationTemplate],
        Field(
            description="What an event without an order becomes; the first that fits.",
            max_length=20,
        ),
    ]
    enabled: bool


class AutomationRotation(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    overlap_seconds: Annotated[
        int,
        Field(
            description="So long the secret before is good, too; 0 ends it at once.",
            ge=0,
            le=86400,
        ),
    ] = 600


class Delivery(Model):
    id: UUID
    event_id: str | None
    outcome: Literal["accepted", "refused"]
    decided: Annotated[
        bool,
        Field(
            description="False: it was not looked at, as it was not genuine, late, sent before, malformed, or one too many."
        ),
    ]
    refusal: Annotated[str | None, Field(examples=["SYMBOL_NOT_ALLOWED: symbol=IWM"])]
    event: dict[str, Any] | None
    trade_id: UUID | None
    sent_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class RefusedCount(Model):
    minute: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    refused: Annotated[
        int,
        Field(description="Events that were not looked at; the first twenty of them are listed as deliveries."),
    ]


class Backtest(Model):
    id: UUID
    strategy_id: Annotated[
        UUID | None,
        Field(description="Null for a kind and configuration of nobody's strategy."),
    ]
    strategy_version: int | None
    kind: str
    config: dict[str, Any]
    symbols: list[str]
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
    starts_on: Annotated[date, Field(description="A date of the exchange (New York).")]
    ends_on: Annotated[date, Field(description="A date of the exchange (New York).")]
    purpose: Annotated[
        Literal["single", "optimise", "walk_forward"],
        Field(
            description="A single run; optimise, many configurations; walk_forward, optimise and then try what was not seen."
        ),
    ]
    status: Literal["queued", "running", "done", "failed", "canceled"]
    progress: Annotated[float, Field(description="Share done, 0 to 1.")]
    result: Annotated[dict[str, Any] | None, Field(description="The figures, once done.")]
    failure: str | None
    finished_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class GivenBacktest(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    strategy_id: Annotated[
        UUID | None,
        Field(description="The strategy to try; without it, say kind, config, symbols and timeframe."),
    ] = None
    strategy_version: Annotated[int | None, Field(description="Left out: as it is now.", ge=1, le=2147483647)] = None
    kind: Annotated[str | None, Field(max_length=100, min_length=1)] = None
    config: dict[str, Any] | None = None
    symbols: Annotated[list[Symbol] | None, Field(max_length=100, min_length=1)] = None
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"] | None = None
    starts_on: date
    ends_on: date
    purpose: Annotated[
        Literal["single", "optimise", "walk_forward"],
        Field(
            description="A single run; optimise, many configurations; walk_forward, optimise and then try what was not seen."
        ),
    ] = "single"


class BacktestPage(Model):
    data: list[Backtest]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Trial(Model):
    trial: Annotated[int, Field(description="Its number in the run, from 1.")]
    config: dict[str, Any]
    fold: Annotated[int | None, Field(description="The walk-forward window, from 1.")]
    result: dict[str, Any]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class Blackout(Model):
    id: UUID
    for_everybody: Annotated[
        bool,
        Field(description="Entered by an administrator; it keeps everybody's orders back."),
    ]
    symbol: Annotated[
        str | None,
        Field(description="The symbol, its options too; null for everything."),
    ]
    kind: Literal["earnings", "expiry", "ex_dividend", "other"]
    from_date: Annotated[
        date | None,
        Field(description="Null, of earnings and ex_dividend: the symbol has none to wait for."),
    ]
    until_date: Annotated[date | None, Field(description="Itself included.")]
    reason: str
    source: str
    removed_at: Annotated[
        AwareDatetime | None,
        Field(
            description="Since when it counts no more.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    changed_by: str
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class GivenBlackout(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    kind: Literal["earnings", "expiry", "ex_dividend", "other"]
    symbol: Annotated[str | None, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")] = None
    from_date: date | None = None
    until_date: date | None = None
    reason: Annotated[str, Field(max_length=2000)] = ""
    source: Annotated[str, Field(max_length=200, min_length=1)] = "entered"
    for_everybody: Annotated[bool, Field(description="For an administrator to say.")] = False


class Breach(Model):
    id: int
    limit_id: UUID
    name: Annotated[str, Field(description="Which limit.", examples=["max_daily_loss"])]
    scope: Literal["global", "user", "account", "strategy"]
    broker_account_id: Annotated[
        UUID | None,
        Field(description="The account that it was measured on; null: on all of the scope."),
    ]
    strategy_id: Annotated[
        UUID | None,
        Field(description="The strategy that it was measured on; null: on all of the scope."),
    ]
    happened: Literal["warned", "breached", "worse", "recovered"]
    measured: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    value: Annotated[Decimal, Field(description="The limit at that time.", examples=["100.25"])]
    act: Annotated[
        str | None,
        Field(description="What was done; null for a warning and a recovery."),
    ]
    session_date: Annotated[date, Field(description="A date of the exchange (New York).")]
    at: Annotated[
        AwareDatetime,
        Field(
            description="Event time of the measure.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    detail: Annotated[dict[str, Any], Field(description="Further numbers of the measure.")]


class BrokerAccount(Model):
    id: UUID
    broker: Literal["alpaca", "tastytrade"]
    number: str
    label: str
    is_paper: bool
    status: Literal["active", "unlinked"]
    trading_entered_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When the trading credential was entered; null while there is none.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    data_entered_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    link_state: Annotated[
        Literal["unverified", "verified", "refused"],
        Field(description="What the broker said to the trading credential."),
    ]
    link_code: str | None
    link_reason: Annotated[
        str | None,
        Field(description="Why it is refused or not verified yet, and what to do."),
    ]
    link_checked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    unlinked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    unlinked_reason: str | None
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class NewBrokerAccount(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker: Literal["alpaca", "tastytrade"]
    number: Annotated[
        str,
        Field(
            description="The broker's number of the account, as its statements print it.",
            examples=["PA3SECOND001"],
            max_length=100,
            min_length=1,
        ),
    ]
    is_paper: bool = True
    label: Annotated[str, Field(description="Your name for it.", max_length=100)] = ""


class BrokerAccountPage(Model):
    data: list[BrokerAccount]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class SealingKey(Model):
    id: Annotated[str, Field(description="SHA-256 of the public key, hexadecimal: compare it.")]
    purpose: Annotated[
        Literal["trading", "data"],
        Field(description="trading: the account's own key. data: a key that reads the market."),
    ]
    public_key: Annotated[str, Field(description="X25519, 32 bytes in base64.")]
    registered_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class SealedCredential(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    purpose: Annotated[
        Literal["trading", "data"],
        Field(description="trading: the account's own key. data: a key that reads the market."),
    ]
    key_id: Annotated[
        str,
        Field(
            description="The sealing key that it is sealed with.",
            pattern="^[0-9a-f]{64}$",
        ),
    ]
    sealed: Annotated[
        str,
        Field(
            description="A libsodium sealed box of the padded credential in base64, see docs/credentials.md: nobody but the one function that uses it can open it.",
            pattern="^[A-Za-z0-9+/]{5526}==$",
        ),
    ]


class LinkVerdict(Model):
    state: Literal["unverified", "verified", "refused"]
    code: str | None
    reason: str | None


class LiveConfirmed(Model):
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    until: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class LiveConsent(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    number: Annotated[
        str,
        Field(
            description="The broker's number of the account whose money is at stake, typed out.",
            max_length=100,
        ),
    ]


class LiveConfirmation(Model):
    action: Literal["confirmed", "withdrawn"]
    by_whom: str
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class Balance(Model):
    broker_account_id: UUID
    as_of: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    cash: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    equity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    buying_power: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    options_buying_power: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    settled_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    margin_requirement: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]


class Exercise(Model):
    id: UUID
    broker_account_id: UUID
    symbol: str
    wish: Literal["exercise", "do_not_exercise"]
    quantity: Annotated[
        Decimal,
        Field(
            description="Contracts that the account held when it was asked.",
            examples=["100.25"],
        ),
    ]
    status: Annotated[
        Literal["requested", "sending", "accepted", "unknown", "done", "rejected", "expired", "not_taken"],
        Field(
            description="done: the broker has told of the exercise; unknown: it did not answer and is asked what it holds; not_taken: it holds all of it still."
        ),
    ]
    status_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    refusal: Annotated[str | None, Field(description="Why it came to nothing, as CODE: what.")]
    reason: str
    requested_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class NewExercise(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker_account_id: Annotated[UUID, Field(description="The broker account that holds the option.")]
    quantity: Annotated[
        Decimal | None,
        Field(
            description="The contracts that you think it holds; brokers exercise all of them.",
            examples=["10"],
        ),
    ] = None
    do_not_exercise: Annotated[bool | None, Field(description="Have it expire although it is in the money.")] = None
    reason: Annotated[str | None, Field(max_length=500)] = None


class ExercisePage(Model):
    data: list[Exercise]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Exit(Model):
    id: UUID
    broker_account_id: UUID
    strategy_id: Annotated[
        UUID | None,
        Field(description="Whose share of the position; null for what nobody's strategy holds."),
    ]
    symbol: Annotated[str, Field(description="What is held; of a package its first leg.")]
    direction: Literal["long", "short"]
    status: Literal["armed", "triggered", "done", "canceled"]
    stop_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    target_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    trail_amount: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    trail_percent: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    best_price: Annotated[
        Decimal | None,
        Field(description="The best price seen while armed.", examples=["100.25"]),
    ]
    exit_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    delta_limit: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    underlying_below: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    underlying_above: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    short_strike: bool
    multi_leg: Annotated[
        bool,
        Field(description="It is of a package: its prices are what closing one unit brings or costs."),
    ]
    held: Annotated[
        Literal["here", "broker"],
        Field(
            description="here: it is watched here alone; broker: its stop or trail rests as an order at the broker too, where the broker takes it."
        ),
    ]
    entry_trade_id: UUID | None
    rest_trade_id: Annotated[UUID | None, Field(description="The order that rests for it at the broker.")]
    exit_trade_id: Annotated[UUID | None, Field(description="The order that it placed last.")]
    round: Annotated[int, Field(description="How often it has fired.")]
    triggered_by: str | None
    trigger_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    triggered_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    blind_since: Annotated[
        AwareDatetime | None,
        Field(
            description="Since when no fresh price of it came; null while it sees.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    ended_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class GivenExit(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker_account_id: UUID
    symbol: Annotated[str, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")]
    strategy_id: Annotated[
        UUID | None,
        Field(description="Whose share of the position; left out: what nobody's strategy holds."),
    ] = None
    stop_price: Annotated[Decimal | None, Field(examples=["10"])] = None
    target_price: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_amount: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_percent: Annotated[Decimal | None, Field(examples=["10"])] = None
    exit_at: AwareDatetime | None = None
    delta_limit: Annotated[Decimal | None, Field(examples=["10"])] = None
    underlying_below: Annotated[Decimal | None, Field(examples=["10"])] = None
    underlying_above: Annotated[Decimal | None, Field(examples=["10"])] = None
    short_strike: bool | None = None
    held: Annotated[
        Literal["here", "broker"] | None,
        Field(
            description="here: it is watched here alone; broker: its stop or trail rests as an order at the broker too, where the broker takes it."
        ),
    ] = None


class Factor(Model):
    id: UUID
    name: Annotated[str, Field(description="As you called it.")]
    verified: Annotated[
        bool,
        Field(description="False until a code of it was sent once; until then it guards nothing."),
    ]
    created_at: AwareDatetime


class EnrolledFactor(Model):
    id: UUID
    name: str
    secret: Annotated[str, Field(description="In Base32, for typing into the app. Shown only now.")]
    uri: Annotated[
        str,
        Field(description="The otpauth address of the same, for a QR code of your own. Shown only now."),
    ]
    qr_code: Annotated[str, Field(description="The address as a QR code, an SVG. Shown only now.")]


class NewFactor(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[str, Field(examples=["phone"], max_length=100, min_length=1)]


class Session(Model):
    access_token: Annotated[str, Field(description="The bearer token of every other route.")]
    refresh_token: Annotated[str, Field(description="Buys the next session, once; keep it secret.")]
    expires_at: Annotated[AwareDatetime, Field(description="Until when the access token counts.")]
    user_id: UUID
    level: Annotated[Literal["aal1", "aal2"], Field(description="aal2: with a second factor.")]
    factors: Annotated[list[Factor], Field(description="The second factors that this person can show.")]


class FactorCode(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    code: Annotated[str, Field(pattern="^\\d{6}$")]


class Gate(Model):
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    scope: Literal["global", "user", "account", "strategy"]
    broker_account_id: UUID | None
    strategy_id: UUID | None
    closed: bool
    mode: Annotated[
        Literal["no_new_entries", "cancel_working", "flatten"],
        Field(
            description="no_new_entries; cancel_working also cancels working entries; flatten also closes every position."
        ),
    ]
    spare_exits: Annotated[bool, Field(description="Cancelling leaves orders alone that only reduce.")]
    reason: str
    needs_administrator: Annotated[bool, Field(description="Only an administrator lifts it.")]
    changed_by: str
    changed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class Halt(Model):
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    scope: Literal["global", "user", "account", "strategy"]
    broker_account_id: UUID | None
    strategy_id: UUID | None
    mode: Annotated[
        Literal["no_new_entries", "cancel_working", "flatten"],
        Field(
            description="no_new_entries; cancel_working also cancels working entries; flatten also closes every position."
        ),
    ]
    spare_exits: bool
    reason: str
    engaged_by: str
    engaged_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    working_entries: Annotated[int, Field(description="Orders that may open something and are not over.")]
    working_exits: Annotated[int, Field(description="Orders that only reduce and are not over.")]
    open_positions: int
    complete: Annotated[bool, Field(description="Everything is done that its mode asks for.")]
    flat_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When a flattening halt had closed everything.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]


class HaltEvent(Model):
    id: int
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    action: Literal["engaged", "flat", "open_again", "lifted"]
    mode: Annotated[
        Literal["no_new_entries", "cancel_working", "flatten"],
        Field(
            description="no_new_entries; cancel_working also cancels working entries; flatten also closes every position."
        ),
    ]
    spare_exits: bool
    reason: str
    by_whom: str
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class EngagedGate(Model):
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    closed: bool
    mode: Annotated[
        Literal["no_new_entries", "cancel_working", "flatten"],
        Field(
            description="no_new_entries; cancel_working also cancels working entries; flatten also closes every position."
        ),
    ]
    spare_exits: Annotated[bool, Field(description="Cancelling leaves orders alone that only reduce.")]
    reason: str
    needs_administrator: Annotated[bool, Field(description="Only an administrator lifts it.")]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class GivenHalt(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    mode: Annotated[
        Literal["no_new_entries", "cancel_working", "flatten"],
        Field(
            description="no_new_entries; cancel_working also cancels working entries; flatten also closes every position."
        ),
    ] = "no_new_entries"
    spare_exits: Annotated[bool, Field(description="false: working exits are cancelled too.")] = True
    reason: Annotated[str, Field(max_length=2000, min_length=1)]


class GateState(Model):
    gate_key: Annotated[
        str,
        Field(
            examples=["account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11"],
            pattern="^(global|(user|account|strategy):[0-9a-f-]{36})$",
        ),
    ]
    closed: bool
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class GivenLift(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: Annotated[str, Field(max_length=2000, min_length=1)]


class Limit(Model):
    id: UUID
    scope: Annotated[
        Literal["global", "user", "account", "strategy"],
        Field(description="Whose exposure it is held against."),
    ]
    broker_account_id: UUID | None
    strategy_id: UUID | None
    symbol: Annotated[str | None, Field(description="Null: every symbol.")]
    name: Annotated[str, Field(examples=["max_daily_loss"], pattern="^[a-z][a-z_]{1,62}$")]
    value: Annotated[
        Decimal | None,
        Field(description="Null: removed, no limit.", examples=["100.25"]),
    ]
    unit: Annotated[str, Field(examples=["dollars"])]
    parameters: Annotated[dict[str, str], Field(description="Further numbers of this kind of limit.")]
    act: Annotated[
        Literal["warn", "block_entries", "cancel", "reduce", "flatten", "deactivate", "roll"] | None,
        Field(description="What is done when it is broken; null: the first act of its kind."),
    ]
    set_by_administrator: Annotated[bool, Field(description="Only an administrator changes it.")]
    changed_by: str
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


ParametersAdditionalProperty = TypeAliasType(
    "ParametersAdditionalProperty", Annotated[Decimal, Field(examples=["100.25"])]
)


class GivenLimit(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    scope: Annotated[
        Literal["global", "user", "account", "strategy"],
        Field(description="Whose exposure it is held against."),
    ]
    scope_id: Annotated[
        UUID | None,
        Field(description="Of the user, account or strategy; your own user where it is left out of scope user."),
    ] = None
    name: Annotated[str, Field(examples=["max_daily_loss"], pattern="^[a-z][a-z_]{1,62}$")]
    value: Annotated[Decimal, Field(examples=["100.25"])]
    unit: Annotated[
        str,
        Field(
            description="As its kind has it: it says that you mean the same.",
            examples=["dollars"],
            max_length=100,
        ),
    ]
    symbol: Annotated[str | None, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")] = None
    parameters: dict[str, ParametersAdditionalProperty] | None = None
    act: Literal["warn", "block_entries", "cancel", "reduce", "flatten", "deactivate", "roll"] | None = None


class LimitVersion(Model):
    limit_id: UUID
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    actor: str
    value_before: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    value: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unit: str
    parameters: dict[str, str]
    act: str | None


class LimitKind(Model):
    name: Annotated[str, Field(examples=["max_daily_loss"], pattern="^[a-z][a-z_]{1,62}$")]
    family: Literal["rule", "protection", "watch", "breaker", "desk"]
    unit: str
    scopes: Annotated[
        list[str],
        Field(description="Where it may be set; symbol where it may be for one symbol."),
    ]
    default_value: Annotated[
        Decimal | None,
        Field(
            description="What holds where none is set; null: it is off until one is.",
            examples=["100.25"],
        ),
    ]
    tighter: Annotated[Literal["lower", "higher"], Field(description="Which way a value is stricter.")]
    parameters: dict[str, Any]
    acts: list[str]
    source: Annotated[str | None, Field(description="Data that it needs and that is not everywhere.")]
    summary: str


class Greeks(Model):
    implied_volatility: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    delta: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    gamma: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    theta: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    vega: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    rho: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]


class OptionChain(Model):
    underlying: str
    bar_at: Annotated[
        AwareDatetime,
        Field(
            description="The end of the underlying's bar.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    taken_at: Annotated[
        AwareDatetime,
        Field(
            description="When the feed was asked.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    feed: str
    delay_seconds: int
    spot: Annotated[
        Decimal,
        Field(description="The close of the underlying's bar.", examples=["100.25"]),
    ]
    rate: Annotated[
        Decimal | None,
        Field(description="A year's interest as a fraction.", examples=["100.25"]),
    ]
    asked: Annotated[int, Field(description="How many contracts were asked for.")]
    dropped: Annotated[
        dict[str, Any],
        Field(description="How many quotes could not be used, by reason."),
    ]
    quotes: Annotated[
        list[dict[str, Any]],
        Field(
            description="The contracts with a usable market, by expiry, strike and right; amounts are text, null where the feed does not say."
        ),
    ]


class NewLeg(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    symbol: Annotated[str, Field(examples=["SPY"], pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$")]
    side: Literal["buy", "sell"]
    position_intent: Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
    ratio: Annotated[
        int,
        Field(
            description="Contracts or shares of one unit; of all legs in lowest terms.",
            ge=1,
            le=9999,
        ),
    ] = 1


class ExitPlan(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    stop_price: Annotated[Decimal | None, Field(examples=["100.25"])] = None
    target_price: Annotated[Decimal | None, Field(examples=["100.25"])] = None
    trail_amount: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_percent: Annotated[Decimal | None, Field(examples=["10"])] = None
    exit_at: AwareDatetime | None = None
    delta_limit: Annotated[
        Decimal | None,
        Field(
            description="Of sold options: the delta at which it is got out of, below 1.",
            examples=["10"],
        ),
    ] = None
    underlying_below: Annotated[Decimal | None, Field(examples=["10"])] = None
    underlying_above: Annotated[Decimal | None, Field(examples=["10"])] = None
    short_strike: Annotated[
        bool | None,
        Field(description="Of sold options: got out of when the underlying reaches the strike."),
    ] = None
    held: Annotated[
        Literal["here", "broker"] | None,
        Field(description="broker: the stop or trail of shares also rests at the broker."),
    ] = None


class OrderChange(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    quantity: Annotated[
        Decimal | None,
        Field(
            description="Of the whole order, what is filled already included.",
            examples=["10"],
        ),
    ] = None
    price: Annotated[Decimal | None, Field(examples=["100.25"])] = None
    stop_price: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_price: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_percent: Annotated[Decimal | None, Field(examples=["10"])] = None
    time_in_force: Literal["day", "gtc"] | None = None
    reason: Annotated[
        str | None,
        Field(description="Why, in words; kept with the order.", max_length=500),
    ] = None


class CancelledOrder(Model):
    id: UUID
    status: Annotated[
        Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ],
        Field(description="unknown: sent, and the broker has not said whether it has it."),
    ]
    cancel_requested_at: Annotated[
        AwareDatetime | None,
        Field(
            description="Null where the order was over already.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class CancelledOrders(Model):
    data: list[CancelledOrder]


class PasswordReset(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: Annotated[str, Field(examples=["ann@example.com"], max_length=255)]


class PasswordResetCode(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: Annotated[str, Field(examples=["ann@example.com"], max_length=255)]
    code: Annotated[str, Field(pattern="^\\d{6,10}$")]


class PasswordChange(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    password: Annotated[SecretStr, Field(max_length=72, min_length=8)]
    current_password: Annotated[
        SecretStr | None,
        Field(
            description="Needed unless this session began by a mailed code, in the last quarter of an hour.",
            max_length=72,
            min_length=1,
        ),
    ] = None


class DailyPnl(Model):
    report_id: UUID
    broker_account_id: UUID
    report_date: Annotated[date, Field(description="The session, a date of New York.")]
    realised_pnl: Annotated[
        Decimal,
        Field(description="By average cost, fees not deducted.", examples=["100.25"]),
    ]
    realised_pnl_fifo: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(
            description="At the session's close; null where a closing price is missing.",
            examples=["100.25"],
        ),
    ]
    fees: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    total_pnl: Annotated[
        Decimal | None,
        Field(
            description="Realised less fees, plus the change of the unrealised since the report before.",
            examples=["100.25"],
        ),
    ]
    starting_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ending_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    trades: int
    fills: int
    report_version: Annotated[int, Field(description="Grows with every correction.")]
    closed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class CurrentResult(Model):
    scope: Literal["user", "account", "strategy"]
    broker_account_id: UUID | None
    strategy_id: UUID | None
    realised_pnl: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="Null where something open has no mark.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    result: Annotated[
        Decimal | None,
        Field(
            description="Realised and unrealised less fees; null where something open has no mark.",
            examples=["100.25"],
        ),
    ]
    session_result: Annotated[
        Decimal | None,
        Field(description="Won in the session day on record.", examples=["100.25"]),
    ]
    drawdown_from_peak: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    missing: Annotated[list[str], Field(description="The open symbols that have no mark.")]
    oldest_mark_at: Annotated[
        AwareDatetime | None,
        Field(
            description="How old the oldest mark is that counts.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]


class PositionResult(Model):
    broker_account_id: UUID
    strategy_id: Annotated[UUID | None, Field(description="Null for what was traded by hand or outside.")]
    symbol: str
    quantity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    cost_basis: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    mark: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    marked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    realised_pnl: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    result: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]


class Position(Model):
    broker_account_id: UUID
    symbol: str
    quantity: Annotated[
        Decimal,
        Field(description="Shares or contracts; negative for short.", examples=["100.25"]),
    ]
    average_entry_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    cost_basis: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    mark: Annotated[
        Decimal | None,
        Field(
            description="The price it is valued at; null where there is none.",
            examples=["100.25"],
        ),
    ]
    marked_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    mark_source: str | None
    market_value: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    realised_pnl: Annotated[
        Decimal,
        Field(
            description="So far, by average cost, fees not deducted.",
            examples=["100.25"],
        ),
    ]
    fifo_realised_pnl: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class Positions(Model):
    data: list[Position]


class NewClose(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker_account_id: Annotated[UUID, Field(description="The broker account that holds it.")]
    strategy_id: Annotated[
        UUID | None,
        Field(description="Whose position is closed; left out: what was traded by hand."),
    ] = None
    quantity: Annotated[
        Decimal | None,
        Field(
            description="Left out: all of it that no other order closes.",
            examples=["10"],
        ),
    ] = None
    price: Annotated[
        Decimal | None,
        Field(description="Limit price; left out: at the market.", examples=["10"]),
    ] = None
    time_in_force: Literal["day", "gtc"] | None = None
    extended_hours: bool | None = None
    reason: Annotated[str | None, Field(max_length=500)] = None


class Marks(Model):
    price: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    quoted_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class RuleVerdict(Model):
    rule: str
    verdict: Literal["allow", "deny", "reduce"]
    numbers: Annotated[dict[str, Any], Field(description="What the rule saw; amounts as text.")]


class Bar(Model):
    starts_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    ends_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    open: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    high: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    low: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    close: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    volume: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    feed: str
    delay_seconds: int


class Profile(Model):
    user_id: UUID
    email: str | None
    display_name: str
    time_zone: Annotated[
        str,
        Field(
            description="For showing times, which are UTC.",
            examples=["America/New_York"],
        ),
    ]
    desk_id: Annotated[UUID | None, Field(description="The desk that you are on; null: none.")]
    desk_role: Literal["trader", "viewer"]
    administrator: Annotated[bool, Field(description="As this session's token says.")]
    level: Annotated[
        Literal["aal1", "aal2"],
        Field(description="Of this session; aal2: with a second factor."),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class ProfileChange(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    display_name: Annotated[str, Field(max_length=200)]
    time_zone: Annotated[str, Field(examples=["America/New_York"], max_length=64, min_length=1)]


class Quote(Model):
    symbol: str
    bid: Annotated[
        Decimal,
        Field(description="Zero where nobody bids for an option.", examples=["100.25"]),
    ]
    ask: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    bid_size: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ask_size: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    quoted_at: Annotated[
        AwareDatetime,
        Field(
            description="When the exchange said so.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    age_seconds: Annotated[float, Field(description="How long ago that was when this was answered.")]
    feed: Annotated[str, Field(description="Which feed told it: an indicative one is no market.")]
    delay_seconds: Annotated[int, Field(description="By how much the feed is late, as declared.")]
    greeks: Annotated[
        Greeks | None,
        Field(description="Of an option, what the feed says; null for anything else."),
    ]


class Report(Model):
    id: UUID
    broker_account_id: UUID
    report_date: Annotated[date, Field(description="A date of the exchange (New York).")]
    realised_pnl: Annotated[
        Decimal,
        Field(
            description="Realised by average cost, fees not deducted.",
            examples=["100.25"],
        ),
    ]
    realised_pnl_fifo: Annotated[
        Decimal,
        Field(description="The same by lots, first in first out.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="Null where a closing price is missing.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(
            description="Of fills, and what the broker charged or withheld by itself.",
            examples=["100.25"],
        ),
    ]
    total_pnl: Annotated[
        Decimal | None,
        Field(
            description="Realised, dividends and interest less fees, plus the change of the unrealised.",
            examples=["100.25"],
        ),
    ]
    starting_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ending_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    dividends: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    interest: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    deposits: Annotated[Decimal, Field(description="Paid in; no profit.", examples=["100.25"])]
    withdrawals: Annotated[Decimal, Field(description="Paid out, not negative.", examples=["100.25"])]
    transfers: Annotated[
        Decimal,
        Field(
            description="Positions that came (positive) or went without a trade, at their cost.",
            examples=["100.25"],
        ),
    ]
    starting_equity: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ending_equity: Annotated[
        Decimal | None,
        Field(
            description="Cash and what is held, at the closing bar; null where one is not known.",
            examples=["100.25"],
        ),
    ]
    daily_return: Annotated[
        Decimal | None,
        Field(
            description="Time-weighted, a fraction: 0.01 is one percent.",
            examples=["100.25"],
        ),
    ]
    growth: Annotated[
        Decimal | None,
        Field(
            description="What one dollar has become since the first report, the daily returns chained.",
            examples=["100.25"],
        ),
    ]
    drawdown: Annotated[
        Decimal | None,
        Field(
            description="How far growth is below its highest, a fraction from 0 to 1.",
            examples=["100.25"],
        ),
    ]
    trades: int
    fills: int
    closed_at: Annotated[
        AwareDatetime,
        Field(
            description="When the session closed.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    report_version: Annotated[int, Field(description="Grows with every correction; every version is kept.")]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class ReportLine(Model):
    strategy_id: Annotated[UUID | None, Field(description="Null for what is nobody's strategy's.")]
    symbol: str
    quantity: Annotated[Decimal, Field(description="Held at the end, signed.", examples=["100.25"])]
    cost_basis: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    close: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    realised_pnl: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]


class ReportVersion(Model):
    report_version: int
    written_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    realised_pnl: Annotated[
        Decimal,
        Field(
            description="Realised by average cost, fees not deducted.",
            examples=["100.25"],
        ),
    ]
    realised_pnl_fifo: Annotated[
        Decimal,
        Field(description="The same by lots, first in first out.", examples=["100.25"]),
    ]
    unrealised_pnl: Annotated[
        Decimal | None,
        Field(description="Null where a closing price is missing.", examples=["100.25"]),
    ]
    fees: Annotated[
        Decimal,
        Field(
            description="Of fills, and what the broker charged or withheld by itself.",
            examples=["100.25"],
        ),
    ]
    total_pnl: Annotated[
        Decimal | None,
        Field(
            description="Realised, dividends and interest less fees, plus the change of the unrealised.",
            examples=["100.25"],
        ),
    ]
    starting_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ending_cash: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    dividends: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    interest: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    deposits: Annotated[Decimal, Field(description="Paid in; no profit.", examples=["100.25"])]
    withdrawals: Annotated[Decimal, Field(description="Paid out, not negative.", examples=["100.25"])]
    transfers: Annotated[
        Decimal,
        Field(
            description="Positions that came (positive) or went without a trade, at their cost.",
            examples=["100.25"],
        ),
    ]
    starting_equity: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ending_equity: Annotated[
        Decimal | None,
        Field(
            description="Cash and what is held, at the closing bar; null where one is not known.",
            examples=["100.25"],
        ),
    ]
    daily_return: Annotated[
        Decimal | None,
        Field(
            description="Time-weighted, a fraction: 0.01 is one percent.",
            examples=["100.25"],
        ),
    ]
    growth: Annotated[
        Decimal | None,
        Field(
            description="What one dollar has become since the first report, the daily returns chained.",
            examples=["100.25"],
        ),
    ]
    drawdown: Annotated[
        Decimal | None,
        Field(
            description="How far growth is below its highest, a fraction from 0 to 1.",
            examples=["100.25"],
        ),
    ]
    trades: int
    fills: int
    lines: list[ReportLine]


class RiskDecision(Model):
    trade_id: UUID
    number: Annotated[
        int,
        Field(description="Its number among the trade's, in the order in which the rules were asked."),
    ]
    rule: Annotated[str, Field(examples=["POSITION_LIMIT"])]
    verdict: Literal["allow", "deny", "reduce"]
    numbers: Annotated[dict[str, Any], Field(description="What the rule saw.")]
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class SignedUp(Model):
    session: Annotated[
        Session | None,
        Field(description="Null: follow the link in the mail first, then sign in."),
    ]


class SignUp(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: Annotated[str, Field(examples=["ann@example.com"], max_length=255)]
    password: Annotated[SecretStr, Field(max_length=72, min_length=8)]
    display_name: Annotated[str | None, Field(max_length=200)] = None
    invitation: Annotated[
        str | None,
        Field(
            description="The token of an invitation; needed while sign-up is closed.",
            max_length=200,
        ),
    ] = None


class Login(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: Annotated[str, Field(examples=["ann@example.com"], max_length=255)]
    password: Annotated[SecretStr, Field(max_length=72, min_length=1)]


class Refresh(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    refresh_token: Annotated[str, Field(max_length=4096, min_length=1)]


class Logout(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    scope: Annotated[
        Literal["local", "others", "global"],
        Field(description="local: this session. others: every other of yours. global: all."),
    ] = "local"


class BalancePage(Model):
    data: list[Balance]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Activity(Model):
    id: UUID
    broker_account_id: UUID
    source: str
    external_id: Annotated[str, Field(description="The broker's own id of it.")]
    kind: str
    symbol: str | None
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    state: Annotated[
        Literal["applied", "waiting", "unknown", "unreadable"],
        Field(description="What the books have made of it."),
    ]
    note: str
    applied_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class CashMovement(Model):
    id: UUID
    broker_account_id: UUID
    activity_id: UUID
    kind: Literal["dividend", "interest", "fee", "tax", "deposit", "withdrawal"]
    symbol: str | None
    amount: Annotated[
        Decimal,
        Field(description="Dollars; negative where they were paid.", examples=["100.25"]),
    ]
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class Strategy(Model):
    id: UUID
    broker_account_id: UUID
    name: str
    description: str
    kind: str
    config: Annotated[
        dict[str, Any],
        Field(description="By the JSON Schema of its kind, see /strategy-kinds."),
    ]
    symbols: list[str]
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
    exits_by: Annotated[
        Literal["strategy", "watched"],
        Field(
            description="Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the platform, on quotes."
        ),
    ]
    status: Annotated[
        Literal["draft", "active", "inactive", "halted"],
        Field(description="A draft until it is first activated; active decides; inactive and halted do not."),
    ]
    strategy_version: Annotated[
        int,
        Field(description="Grows with every edit of what it does; every trade names it."),
    ]
    effective_version: Annotated[
        int | None,
        Field(description="The newest version that was found valid; null until one was."),
    ]
    effective_since: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class NewStrategy(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker_account_id: Annotated[UUID, Field(description="The linked account that it trades on.")]
    kind: Annotated[
        str,
        Field(
            description="One of /strategy-kinds.",
            examples=["rsi_reversion"],
            max_length=63,
            min_length=1,
        ),
    ]
    name: Annotated[
        str,
        Field(
            description="Unique among your strategies.",
            examples=["RSI reversion"],
            max_length=100,
            min_length=1,
        ),
    ]
    description: Annotated[str, Field(max_length=2000)] = ""
    config: Annotated[
        dict[str, Any],
        Field(description="By the JSON Schema of its kind, see /strategy-kinds."),
    ]
    symbols: Annotated[list[Symbol], Field(examples=[["SPY"]], max_length=100, min_length=1)]
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"] = "1Min"
    exits_by: Annotated[
        Literal["strategy", "watched"],
        Field(
            description="Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the platform, on quotes."
        ),
    ] = "strategy"


class StrategyPage(Model):
    data: list[Strategy]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class StrategyTerms(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[
        str,
        Field(
            description="Unique among your strategies.",
            examples=["RSI reversion"],
            max_length=100,
            min_length=1,
        ),
    ]
    description: Annotated[str, Field(max_length=2000)] = ""
    config: Annotated[
        dict[str, Any],
        Field(description="By the JSON Schema of its kind, see /strategy-kinds."),
    ]
    symbols: Annotated[list[Symbol], Field(examples=[["SPY"]], max_length=100, min_length=1)]
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"] = "1Min"
    exits_by: Annotated[
        Literal["strategy", "watched"],
        Field(
            description="Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the platform, on quotes."
        ),
    ] = "strategy"


class WarmUp(Model):
    symbol: str
    timeframe: str
    needed: int
    stored: int


class ActivationWarning(Model):
    code: str
    text: str


class Activation(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    from_: Annotated[
        AwareDatetime | None,
        Field(
            alias="from",
            description="Decide on bars that end after this moment; now where it is left out. Only of use where the market is replayed from a tape, whose clock is another.",
        ),
    ] = None


class Open(Model):
    positions: str | None = None
    orders: str | None = None


class Deactivated(Model):
    strategy_id: UUID
    status: Annotated[
        Literal["draft", "active", "inactive", "halted"],
        Field(description="A draft until it is first activated; active decides; inactive and halted do not."),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]
    then: Annotated[
        Literal["leave", "cancel_orders", "flatten"],
        Field(description="leave what is open as it is; cancel_orders, its entries; flatten, close all of it."),
    ]
    open: Annotated[Open, Field(examples=[{"positions": "100 SPY"}])]


class Deactivation(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    then: Annotated[
        Literal["leave", "cancel_orders", "flatten"],
        Field(description="leave what is open as it is; cancel_orders, its entries; flatten, close all of it."),
    ]


class DeactivationProgress(Model):
    strategy_id: UUID
    then: Annotated[
        Literal["leave", "cancel_orders", "flatten"],
        Field(description="leave what is open as it is; cancel_orders, its entries; flatten, close all of it."),
    ]
    asked_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    done_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    complete: bool
    waiting_for: Annotated[
        str | None,
        Field(description="session, other_side, cover or orders; null where it is complete."),
    ]
    working_entries: int
    working_exits: int
    open_positions: int


class StrategyDecision(Model):
    symbol: str
    bar_at: Annotated[
        AwareDatetime,
        Field(
            description="The end of the bar that it decided on, or when the quote or fill was.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    cause: Literal["bar", "quote", "fill"]
    caused_by: str
    strategy_version: int
    action: Literal["stay", "trade", "cancel"]
    reason: str
    orders: Annotated[list[dict[str, Any]], Field(description="The orders that it wanted.")]
    cancels: Annotated[list[UUID], Field(description="The working orders that it gave up.")]
    chain_taken_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    refused: Annotated[
        str | None,
        Field(description="Why an order was not even placed; null where all were."),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class StrategyVersion(Model):
    strategy_version: int
    kind: str
    config: Annotated[
        dict[str, Any],
        Field(description="By the JSON Schema of its kind, see /strategy-kinds."),
    ]
    symbols: list[str]
    timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
    exits_by: Annotated[
        Literal["strategy", "watched"],
        Field(
            description="Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the platform, on quotes."
        ),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_by: str


class StrategyProblem(Model):
    field: str | None = None
    code: str
    text: str


class StrategyKind(Model):
    kind: str
    title: str
    description: str
    config_schema: Annotated[dict[str, Any], Field(description="JSON Schema of a strategy's config.")]


class TradeNote(Model):
    text: str
    changed_by: str
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class TradeLeg(Model):
    leg: int
    symbol: str
    side: Literal["buy", "sell"]
    position_intent: Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
    ratio: int
    quantity: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    filled_quantity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]


class Fill(Model):
    id: UUID
    leg: int
    kind: Literal["fill", "bust", "correction"]
    corrects_fill_id: UUID | None
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    price: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    fee: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    realised_pnl: Annotated[
        Decimal,
        Field(
            description="Dollars that it added to the account's realised P&L, fees not deducted.",
            examples=["100.25"],
        ),
    ]
    executed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class TradeTransition(Model):
    number: int
    from_status: (
        Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ]
        | None
    )
    to_status: Annotated[
        Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ],
        Field(description="unknown: sent, and the broker has not said whether it has it."),
    ]
    actor: str
    reason: str
    event_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    at: Annotated[
        AwareDatetime,
        Field(
            description="Machine time: what latency is measured with.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]


class TradeRiskDecision(Model):
    number: int
    rule: str
    verdict: Literal["allow", "deny", "reduce"]
    numbers: Annotated[dict[str, Any], Field(description="What the rule saw.")]
    at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class OrderAttempt(Model):
    attempt: int
    kind: Literal["send", "look"]
    outcome: Literal["accepted", "rejected", "unknown", "not_seen", "not_placed", "adopted"] | None
    detail: str
    broker_order_id: str | None
    claimed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    answered_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class GivenNote(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    text: Annotated[
        str,
        Field(
            description="At most 4000 characters; an empty one takes the note away.",
            max_length=4000,
        ),
    ]


class Watched(Model):
    until: Annotated[
        AwareDatetime,
        Field(
            description="Say it again before then, for as long as you need the quotes.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]


class GivenWatched(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    symbols: Annotated[
        list[Symbol],
        Field(description="Instead of those before; none ends it.", max_length=10),
    ]


class Watchlist(Model):
    symbols: Annotated[list[str], Field(description="In your order.")]
    updated_at: Annotated[
        AwareDatetime | None,
        Field(
            description="Null before the first change.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    version: Annotated[int, Field(description="Grows with every change; its ETag. 0 before the first.")]


class GivenWatchlist(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    symbols: Annotated[
        list[Symbol],
        Field(
            description="The whole list, in order, each symbol once; at most 100.",
            max_length=100,
        ),
    ]


class Webhook(Model):
    id: UUID
    name: str
    url: str
    events: list[str]
    enabled: bool
    disabled_reason: Annotated[
        Literal["FAILING"] | None,
        Field(description="FAILING: switched off by itself, after days in which nothing arrived."),
    ]
    failing_since: Annotated[
        AwareDatetime | None,
        Field(
            description="The first failure since anything last arrived.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    secret_rotated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    updated_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class WebhookPage(Model):
    data: list[Webhook]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class ChangedWebhook(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[str, Field(max_length=100, min_length=1)]
    url: Annotated[
        str,
        Field(
            description="Where events are sent: https.",
            examples=["https://example.com/agenttrader"],
            max_length=2000,
        ),
    ]
    events: Annotated[
        list[
            Literal[
                "trade.placed",
                "trade.approved",
                "trade.rejected",
                "trade.submitting",
                "trade.submitted",
                "trade.partially_filled",
                "trade.filled",
                "trade.cancel_requested",
                "trade.replace_requested",
                "trade.canceled",
                "trade.replaced",
                "trade.expired",
                "trade.unknown",
                "halt.engaged",
                "halt.lifted",
                "limit.breached",
                "alert.raised",
                "strategy.halted",
                "report.written",
            ]
        ],
        Field(max_length=50, min_length=1),
    ]
    enabled: Annotated[bool, Field(description="What happens while it is off is not sent later.")]


class WebhookSecret(Model):
    webhook_id: UUID
    secret: Annotated[
        str,
        Field(
            description="What events are signed with; shown this once.",
            examples=["whsec_..."],
        ),
    ]


class WebhookDelivery(Model):
    id: UUID
    webhook_id: UUID
    event_id: Annotated[UUID, Field(description="The same in every attempt.")]
    type: str
    occurred_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    state: Literal["queued", "sending", "delivered", "retrying", "dead"]
    attempts: int
    next_attempt_at: Annotated[
        AwareDatetime | None,
        Field(
            description="Null when it is over; while it is being sent, when it is taken to be lost.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    give_up_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    last_attempt_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    last_status: Annotated[int | None, Field(description="The HTTP status of the last answer.")]
    last_error: Annotated[str | None, Field(description="Why the last attempt failed, as CODE: sentence.")]
    last_response: Annotated[str | None, Field(description="The beginning of the last answer's body.")]
    finished_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    created_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class WebhookDeliveryPage(Model):
    data: list[WebhookDelivery]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class WebhookEvent(
    RootModel[
        WebhookTradeEvent
        | WebhookHaltEvent
        | WebhookLimitEvent
        | WebhookAlertEvent
        | WebhookStrategyEvent
        | WebhookReportEvent
        | WebhookTestEvent
    ]
):
    root: (
        WebhookTradeEvent
        | WebhookHaltEvent
        | WebhookLimitEvent
        | WebhookAlertEvent
        | WebhookStrategyEvent
        | WebhookReportEvent
        | WebhookTestEvent
    )


class AlertPage(Model):
    data: list[Alert]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Problem(Model):
    type: Literal["about:blank"]
    title: Annotated[
        str,
        Field(description="The HTTP status in words.", examples=["Unprocessable Content"]),
    ]
    status: int
    code: Annotated[
        str,
        Field(description="Stable; programs decide by it.", examples=["UNKNOWN_SYMBOL"]),
    ]
    detail: Annotated[str, Field(description="What was expected and what was found.")]
    todo: Annotated[str | None, Field(description="What to do about it, for a person.")] = None
    numbers: Annotated[dict[str, Any] | None, Field(description="What was seen, by name.")] = None
    errors: list[FieldProblem] | None = None
    request_id: str


class ApiKeyPage(Model):
    data: list[ApiKey]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class AuditLinkPage(Model):
    data: list[AuditLink]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class NewAutomationSource(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[
        str,
        Field(
            description="Unique among your sources.",
            examples=["My model"],
            max_length=100,
            min_length=1,
        ),
    ]
    strategy_id: Annotated[UUID | None, Field(description="The strategy that its trades are counted to.")] = None
    symbols: Annotated[
        list[Symbol],
        Field(description="What it may trade.", max_length=100, min_length=1),
    ]
    max_quantity: Annotated[
        Decimal,
        Field(description="The most it may ask for in one order.", examples=["10"]),
    ]
    max_per_minute: Annotated[int, Field(ge=1, le=600)] = 10
    networks: Annotated[
        list[Network],
        Field(
            description="Where its events may come from; empty: anywhere (only where they are signed).",
            max_length=50,
            validate_default=True,
        ),
    ] = []
    templates: Annotated[
        list[AutomationTemplate],
        Field(
            description="What an event without an order becomes; the first that fits.",
            max_length=20,
            validate_default=True,
        ),
    ] = []
    enabled: bool = True
    broker_account_id: UUID
    kind: Literal["generic", "tradingview"]
    authentication: Annotated[
        Literal["hmac", "url_token"],
        Field(
            description="url_token is weaker: who knows the address is believed. It needs narrow networks and takes at most 10 events a minute."
        ),
    ] = "hmac"


class AutomationSourcePage(Model):
    data: list[AutomationSource]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class DeliveryPage(Model):
    data: list[Delivery]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class RefusedCountPage(Model):
    data: list[RefusedCount]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class TrialPage(Model):
    data: list[Trial]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class BlackoutPage(Model):
    data: list[Blackout]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class BreachPage(Model):
    data: list[Breach]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class BrokerAccountChange(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    label: Annotated[str | None, Field(description="Your name for it.", max_length=100)] = None
    credential: SealedCredential | None = None


class LiveConfirmationPage(Model):
    data: list[LiveConfirmation]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class ExitPage(Model):
    data: list[Exit]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Factors(Model):
    data: list[Factor]


class GatePage(Model):
    data: list[Gate]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class HaltPage(Model):
    data: list[Halt]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class HaltEventPage(Model):
    data: list[HaltEvent]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class LimitPage(Model):
    data: list[Limit]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class LimitVersionPage(Model):
    data: list[LimitVersion]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class LimitKinds(Model):
    data: list[LimitKind]


class OptionQuote(Model):
    bid: Annotated[Decimal, Field(description="Zero where nobody bids.", examples=["100.25"])]
    ask: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    bid_size: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    ask_size: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    quoted_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    age_seconds: float
    feed: str
    delay_seconds: int
    greeks: Greeks


class PlacedOrder(Model):
    id: Annotated[UUID, Field(description="The trade that the order is; see /trades/{id}.")]
    status: Annotated[
        Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ],
        Field(description="unknown: sent, and the broker has not said whether it has it."),
    ]
    client_order_id: Annotated[str, Field(description="Our name of it at the broker.")]
    replaces_trade_id: Annotated[
        UUID | None,
        Field(description="The working order whose place it takes; null for a new one."),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class NewOrder(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    broker_account_id: UUID
    symbol: Annotated[
        str | None,
        Field(
            description="A share, or an option by its OCC symbol; of an order with legs each leg says it.",
            examples=["SPY"],
            pattern="^[A-Z0-9][A-Z0-9./-]{0,31}$",
        ),
    ] = None
    side: Literal["buy", "sell"] | None = None
    position_intent: Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"] | None = None
    legs: Annotated[
        list[NewLeg] | None,
        Field(
            description="Two to four legs that fill together at one net price.",
            max_length=4,
            min_length=2,
        ),
    ] = None
    order_type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] = "market"
    time_in_force: Annotated[
        Literal["day", "gtc", "ioc", "fok", "opg", "cls"],
        Field(description="opg and cls are the opening and the closing auction."),
    ] = "day"
    quantity: Annotated[
        Decimal | None,
        Field(description="Shares, contracts, or units of several legs.", examples=["10"]),
    ] = None
    notional: Annotated[
        Decimal | None,
        Field(description="Dollars to trade for, instead of a quantity.", examples=["10"]),
    ] = None
    price: Annotated[
        Decimal | None,
        Field(
            description="Limit price; of several legs the net price of a unit: positive pays, negative receives.",
            examples=["100.25"],
        ),
    ] = None
    stop_price: Annotated[Decimal | None, Field(examples=["10"])] = None
    trail_price: Annotated[
        Decimal | None,
        Field(description="Distance of a trailing stop in dollars.", examples=["10"]),
    ] = None
    trail_percent: Annotated[
        Decimal | None,
        Field(description="Distance of a trailing stop in percent.", examples=["10"]),
    ] = None
    planned_stop: Annotated[
        Decimal | None,
        Field(
            description="Where it is planned to get out: what the largest loss is told by.",
            examples=["10"],
        ),
    ] = None
    reduce_only: Annotated[bool | None, Field(description="It may only make a position smaller.")] = None
    extended_hours: Annotated[
        bool | None,
        Field(description="A limit order of shares for the day, also outside the regular session."),
    ] = None
    exit_plan: ExitPlan | None = None
    parent_trade_id: Annotated[UUID | None, Field(description="The order that this one belongs to.")] = None
    oco_group: Annotated[
        UUID | None,
        Field(description="An id of your own: when one order of the group is filled, the others are cancelled."),
    ] = None
    reason: Annotated[
        str | None,
        Field(description="Why, in words; kept with the order.", max_length=500),
    ] = None


class DailyPnlPage(Model):
    data: list[DailyPnl]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class CurrentPnl(Model):
    results: Annotated[
        list[CurrentResult],
        Field(description="Of the user, each account and each strategy, since it began."),
    ]
    positions: Annotated[list[PositionResult], Field(description="Of each open position, by its owner.")]


class PositionPage(Model):
    data: list[Position]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class OrderPreview(Model):
    verdict: Annotated[
        Literal["allow", "reduce", "deny", "wait"],
        Field(description="wait: an option without a fresh quote."),
    ]
    step: Annotated[
        Literal["placing", "rules", "recheck"],
        Field(description="Where it would end; recheck is the ledger's own, under lock."),
    ]
    code: Annotated[str | None, Field(description="Why it would be refused; stable.")]
    text: str
    do: Annotated[str, Field(description="What to do about it, for a person; may be empty.")]
    at: Annotated[
        AwareDatetime,
        Field(
            description="The moment at which it was judged.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    ordered: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    quantity: Annotated[
        Decimal,
        Field(
            description="What would be sent; 0 where nothing would be.",
            examples=["100.25"],
        ),
    ]
    marks: Annotated[dict[str, Marks], Field(description="What it was valued at, by symbol.")]
    rules: list[RuleVerdict]


class History(Model):
    data: list[Bar]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]
    archived_months: Annotated[
        list[str],
        Field(
            description="Months of the range of which the archive alone has the bars: they are missing here.",
            examples=[["2018-02"]],
        ),
    ]


class ReportPage(Model):
    data: list[Report]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class ReportDetail(Report):
    lines: list[ReportLine]


class ReportVersionPage(Model):
    data: list[ReportVersion]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class RiskDecisionPage(Model):
    data: list[RiskDecision]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class ActivityPage(Model):
    data: list[Activity]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class CashMovementPage(Model):
    data: list[CashMovement]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Activated(Model):
    strategy_id: UUID
    status: Annotated[
        Literal["draft", "active", "inactive", "halted"],
        Field(description="A draft until it is first activated; active decides; inactive and halted do not."),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]
    strategy_version: int
    effective_version: int | None
    effective_since: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    decides_after: Annotated[
        AwareDatetime,
        Field(
            description="It decides on bars that end after this.",
            examples=["2026-11-30T14:30:00+00:00"],
        ),
    ]
    warm_up: list[WarmUp]
    warnings: list[ActivationWarning]


class StrategyDecisionPage(Model):
    data: list[StrategyDecision]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class StrategyVersionPage(Model):
    data: list[StrategyVersion]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class StrategyValidation(Model):
    strategy_version: int
    effective_version: int | None
    state: Literal["pending", "valid", "not_valid"]
    problems: list[StrategyProblem]
    inputs: Annotated[
        dict[str, Any] | None,
        Field(description="What it needs to decide; null where it was never valid."),
    ]
    validated_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]


class StrategyKinds(Model):
    data: list[StrategyKind]


class Trade(Model):
    id: UUID
    broker_account_id: UUID
    strategy_id: UUID | None
    strategy_version: int | None
    source: Literal["strategy", "manual", "automation", "risk", "external"]
    symbol: Annotated[str, Field(description="Of an order with several legs that of the first.")]
    side: Literal["buy", "sell"]
    order_type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    time_in_force: Annotated[
        Literal["day", "gtc", "ioc", "fok", "opg", "cls"],
        Field(description="opg and cls are the opening and the closing auction."),
    ]
    quantity: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    notional: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    stop_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    trail_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    trail_percent: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    planned_stop: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    reduce_only: bool
    multi_leg: bool
    extended_hours: bool
    parent_trade_id: UUID | None
    replaces_trade_id: UUID | None
    reprices_trade_id: UUID | None
    oco_group: UUID | None
    status: Annotated[
        Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ],
        Field(description="unknown: sent, and the broker has not said whether it has it."),
    ]
    reason: str
    refusal: Annotated[
        str | None,
        Field(description="Why it was rejected, expired or cancelled, as CODE: key=value."),
    ]
    client_order_id: str
    broker_order_id: str | None
    filled_quantity: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    fill_price: Annotated[Decimal | None, Field(description="Average of the fills.", examples=["100.25"])]
    executed_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    event_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    status_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    good_until: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    cancel_requested_at: Annotated[
        AwareDatetime | None,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    cancel_reason: str | None
    note: Annotated[
        TradeNote | None,
        Field(description="The trader's own words; null where they never wrote any, empty where they took it away."),
    ]
    version: Annotated[int, Field(description="Grows with every change of the row; its ETag.")]


class TradeDetail(Trade):
    exit_plan: Annotated[
        dict[str, Any] | None,
        Field(description="How its position is got out of, as it was ordered."),
    ]
    legs: list[TradeLeg]
    fills: list[Fill]
    transitions: list[TradeTransition]
    risk_decisions: list[TradeRiskDecision]
    attempts: list[OrderAttempt]


class WebhookWithSecret(Webhook):
    secret: Annotated[
        str,
        Field(
            description="What events are signed with; shown this once.",
            examples=["whsec_..."],
        ),
    ]


class NewWebhook(Model):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[str, Field(max_length=100, min_length=1)]
    url: Annotated[
        str,
        Field(
            description="Where events are sent: https.",
            examples=["https://example.com/agenttrader"],
            max_length=2000,
        ),
    ]
    events: Annotated[
        list[
            Literal[
                "trade.placed",
                "trade.approved",
                "trade.rejected",
                "trade.submitting",
                "trade.submitted",
                "trade.partially_filled",
                "trade.filled",
                "trade.cancel_requested",
                "trade.replace_requested",
                "trade.canceled",
                "trade.replaced",
                "trade.expired",
                "trade.unknown",
                "halt.engaged",
                "halt.lifted",
                "limit.breached",
                "alert.raised",
                "strategy.halted",
                "report.written",
            ]
        ],
        Field(max_length=50, min_length=1),
    ]


class OptionContract(Model):
    symbol: Annotated[str, Field(examples=["SPY181221C00250000"])]
    underlying: str
    expires_on: Annotated[date, Field(description="A date of the exchange (New York).")]
    option_right: Literal["call", "put"]
    strike: Annotated[
        Decimal,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    open_interest: int | None
    open_interest_on: Annotated[date | None, Field(description="A date of the exchange (New York).")]
    close_price: Annotated[
        Decimal | None,
        Field(description="An exact decimal number as text.", examples=["100.25"]),
    ]
    close_on: Annotated[date | None, Field(description="A date of the exchange (New York).")]
    feed: Annotated[str, Field(description="Which feed listed it.")]
    listed_at: Annotated[
        AwareDatetime,
        Field(description="UTC, ISO 8601.", examples=["2026-11-30T14:30:00+00:00"]),
    ]
    quote: Annotated[
        OptionQuote | None,
        Field(description="The latest; null where nobody has quoted it."),
    ]


class TradePage(Model):
    data: list[Trade]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class OptionContractPage(Model):
    data: list[OptionContract]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]
