"""What differs between a laptop, staging and production: read from the environment once, validated, never guessed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from functions.core.errors import Misconfigured


class Settings(BaseSettings):
    """Every setting, by its environment variable: the field's name in capitals behind AGENTTRADER_.

    Durations are seconds of machine time: leases and timeouts never follow a replay's clock.
    """

    model_config = SettingsConfigDict(env_prefix="AGENTTRADER_", frozen=True, extra="ignore", populate_by_name=True)

    supabase_url: str = Field(validation_alias="SUPABASE_URL", description="Address of the Supabase project")
    publishable_key: str = Field(description="The project's publishable key: names the project, opens nothing")
    jwt_secret: SecretStr = Field(
        min_length=1, description="Signs the short-lived tokens by which a function takes its role"
    )
    token_seconds: int = Field(600, ge=60, description="Life of such a token")
    ledger_timeout: float = Field(10, gt=0)

    bus: Literal["pgmq", "pubsub"] = "pubsub"
    bus_url: SecretStr | None = Field(None, description="Postgres address of the embedded bus")
    google_project: str | None = Field(None, validation_alias="GOOGLE_CLOUD_PROJECT")

    hotstore: Literal["local", "firestore"] = "firestore"
    hotstore_url: str | None = None
    clock: Literal["system", "replay"] = "system"

    archive_url: str | None = Field(
        None, description="S3 endpoint of the archive: Supabase Storage's, or the local one"
    )
    archive_bucket: str = "agenttrader"
    archive_region: str = Field("us-east-1", description="The region of the project whose storage it is")
    archive_key: SecretStr | None = None
    archive_secret: SecretStr | None = None
    archive_timeout: float = Field(20, gt=0, description="Longest wait for one answer of the archive")

    trading_keys_file: Path | None = Field(
        None, description="Private keys that open trading credentials; a mounted secret, or a file of mode 0600"
    )
    data_keys_file: Path | None = Field(None, description="The same for data credentials")
    webhook_secret: SecretStr | None = Field(
        None, min_length=1, description="What the database's webhook proves itself with"
    )

    alpaca_trading_url: str | None = Field(None, description="Instead of Alpaca's own paper or live address")
    alpaca_data_url: str | None = None
    alpaca_trade_stream_url: str | None = None
    alpaca_data_stream_url: str | None = None
    alpaca_option_stream_url: str | None = None
    alpaca_option_feed: Literal["indicative", "opra"] = Field(
        "indicative", description="Alpaca's option quotes: indicative is free and no market, opra is paid for"
    )

    tastytrade_url: str | None = Field(
        None, description="Instead of tastytrade's own address: live, or the certification environment for paper"
    )
    tastytrade_streamer_url: str | None = Field(None, description="The same for its account streamer")

    broker_timeout: float = Field(10, gt=0, description="Longest wait for one answer of a broker")
    broker_calls_per_minute: int = Field(
        150, ge=0, description="Calls of one key to its broker in any minute, cancels held in reserve; 0 for no limit"
    )
    breaker_failures: int = Field(5, ge=1, description="Failures in a row after which a broker is taken to be down")
    breaker_seconds: float = Field(5, gt=0, description="How long it is then left alone; longer where it stays down")
    order_lease: float = Field(30, gt=0, description="How long a sender may be at work before its outcome is unknown")
    lookup_first: float = Field(
        0.5, gt=0, description="How soon a broker is first asked for an order whose answer was lost; then twice as late"
    )
    lookup_longest: float = Field(30, gt=0, description="Longest time between two such looks")
    lookup_patience: float = Field(
        30, gt=0, description="How long a broker that takes an id once is asked before it is believed to have no order"
    )
    request_lifetime: float = Field(
        5, ge=0, description="How long after a call that ended without an answer it may still take effect at the broker"
    )
    clean_read_gap: float = Field(
        10, gt=0, description="Time between two reads that believe an order not to be at a broker that takes ids twice"
    )
    reconcile_gap: float = Field(
        10, ge=0, description="Event time between two looks that must both see a difference of positions, seconds"
    )
    relay_lease: float = Field(15, gt=0, description="How long a relay that claimed events may take to publish them")
    webhook_timeout: float = Field(10, gt=0, description="Longest time that a trader's webhook may take, all in all")
    webhook_lease: float = Field(
        30, gt=0, description="How long a sender may be at a delivery; longer than webhook_timeout, or it is sent twice"
    )
    webhooks_at_once: int = Field(
        16, ge=2, description="How many webhooks one call sends at once; half of them at most to addresses that fail"
    )
    worker_lease: float = Field(10, gt=1, description="How long a silent worker keeps its stream")
    poll_interval: float = Field(30, gt=0, description="How often a worker compares its stream with the broker's lists")
    heartbeat_interval: float = Field(10, gt=0, description="How often a worker says that it is well")
    watch_interval: float = Field(1, gt=0, description="How often a worker asks which symbols and accounts it serves")
    stream_health_age: float = Field(
        75, gt=0, description="How old a worker's word may be that an account is watched, for orders to be sent on it"
    )
    stream_lag: float = Field(
        15, gt=0, description="Event time by which a trade stream may be late before it is opened anew, seconds"
    )
    reconnect_first: float = Field(0.5, gt=0, description="Longest wait before a stream is opened again, at first")
    reconnect_longest: float = Field(30, gt=0, description="The same after many failures")
    stream_silence: float = Field(60, gt=0, description="A data stream silent for longer in session is reconnected")
    candle_silence: float = Field(
        90,
        gt=0,
        description="After how long without a bar a feed's trades are asked for, and bars made of them, seconds",
    )
    late_print_grace: float = Field(
        2, gt=0, description="How long after its minute a trade still counts in the bar that is made of trades, seconds"
    )
    stale_after: float = Field(
        30, gt=0, description="After how long a silence in session a worker asks the feed's REST service itself"
    )
    stale_poll_interval: float = Field(15, gt=0, description="How often it then asks, until the stream speaks again")
    quote_interval: float = Field(0.25, ge=0, description="At most one published quote per symbol in this time")

    mark_interval: float = Field(
        5, gt=0, description="How often streamed quotes of options move the marks of positions"
    )
    chain_quote_age: float = Field(
        900, gt=0, description="By how much an option's quote may be older than the bar that its chain is of, seconds"
    )

    ports_wrapper: str | None = Field(
        None,
        description="module:function that wraps every port; fault tests strike through it, production leaves it out",
    )


@cache
def settings() -> Settings:
    """The settings, read once. Raises Misconfigured BAD_SETTING naming the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"AGENTTRADER_{name.upper()}"
        raise Misconfigured(
            "BAD_SETTING", f"the environment variable {variable}: {first['msg']}", variable=variable
        ) from None
