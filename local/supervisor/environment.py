"""What each process of the local cloud is told. Secrets travel here and never on a command line, which `ps` shows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from local.stack import HOST, PROJECT, Stack
from local.supervisor.broker_keys import keyring_file

KEY_FILES: Final = {
    "trading-key": "AGENTTRADER_TRADING_KEYS_FILE",
    "data-key": "AGENTTRADER_DATA_KEYS_FILE",
}
"""The secrets of the wiring table, and the settings that say where they are mounted."""


# Where the dashboard is served while it is built (Vite); the browser may call the API from there.
_DEVELOPMENT_ORIGINS: Final = ("http://127.0.0.1:5173", "http://localhost:5173")

Brokers = Literal["alpaca", "tastytrade", "both"]


def simulators(broker: str) -> tuple[str, ...]:
    """The parts that simulate brokers, by `Setup.broker`."""
    return ("alpaca", "tastytrade") if broker == "both" else (broker,)


@dataclass(frozen=True, slots=True)
class Setup:
    """How one run of the stack is set up.

    `clock`: `replay` makes the functions read the hot store's clock. `tape` is the simulator's tape as its `--tape`
    understands it (None: its own default). `throw_away` leaves fsync out of Postgres. `broker` says whose simulators
    run; both play the same tape. `extra` is told to function processes and edge functions on top: shorter leases in a
    test, for one.
    """

    clock: Literal["system", "replay"] = "replay"
    bus: Literal["pgmq", "pubsub"] = "pgmq"
    hotstore: Literal["local", "firestore"] = "local"
    tape: str | None = None
    seed: int = 7
    throw_away: bool = False
    broker: Brokers = "alpaca"
    extra: Mapping[str, str] = field(default_factory=dict)


def base_environment() -> dict[str, str]:
    """The caller's environment without our own settings, so that nothing of an outer stack leaks into this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTTRADER_")}
    data = os.environ.get("AGENTTRADER_DATA")
    path = os.pathsep.join(part for part in (str(PROJECT), kept.get("PYTHONPATH", "")) if part)
    return kept | ({"AGENTTRADER_DATA": data} if data else {}) | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": path}


def part_environment(stack: Stack) -> dict[str, str]:
    """For the local cloud's own parts, which stand where the platform stands: with the database's superuser."""
    return base_environment() | {
        "AGENTTRADER_STATE": str(stack.state),
        "AGENTTRADER_PORT_BASE": str(stack.port_base),
        "AGENTTRADER_POSTGRES_PASSWORD": stack.secrets.postgres_password,
        "AGENTTRADER_DATABASE_URL": stack.database_url,
        "AGENTTRADER_JWT_SECRET": stack.secrets.jwt_secret,
        "AGENTTRADER_WEBHOOK_SECRET": stack.secrets.webhook_secret,
    }


def function_environment(stack: Stack, setup: Setup) -> dict[str, str]:
    """For functions and workers: what `functions.core.settings` reads. No superuser, no service key."""
    simulator = f"{HOST}:{stack.port('alpaca')}"
    return (
        base_environment()
        | {
            "SUPABASE_URL": stack.url("gateway"),
            "AGENTTRADER_PUBLISHABLE_KEY": stack.publishable_key,
            "AGENTTRADER_JWT_SECRET": stack.secrets.jwt_secret,
            "AGENTTRADER_BUS": setup.bus,
            "AGENTTRADER_BUS_URL": stack.bus_url,
            "AGENTTRADER_HOTSTORE": setup.hotstore,
            "AGENTTRADER_HOTSTORE_URL": stack.url("hotstore"),
            "AGENTTRADER_CLOCK": setup.clock,
            "AGENTTRADER_ARCHIVE_URL": stack.url("archive"),
            # moto asks for a key and takes any; it listens on this machine alone.
            "AGENTTRADER_ARCHIVE_KEY": "local",
            "AGENTTRADER_ARCHIVE_SECRET": "local",
            "AGENTTRADER_TRADING_KEYS_FILE": str(keyring_file(stack, "trading")),
            "AGENTTRADER_DATA_KEYS_FILE": str(keyring_file(stack, "data")),
            "AGENTTRADER_WEBHOOK_SECRET": stack.secrets.webhook_secret,
            # A replay's minute is no machine minute, and a simulator that was struck is back at once.
            "AGENTTRADER_BROKER_CALLS_PER_MINUTE": "0",
            "AGENTTRADER_BREAKER_SECONDS": "0.5",
            "AGENTTRADER_ALPACA_TRADING_URL": f"http://{simulator}",
            "AGENTTRADER_ALPACA_DATA_URL": f"http://{simulator}",
            "AGENTTRADER_ALPACA_TRADE_STREAM_URL": f"ws://{simulator}/stream",
            "AGENTTRADER_ALPACA_DATA_STREAM_URL": f"ws://{simulator}/v2/iex",
            "AGENTTRADER_ALPACA_OPTION_STREAM_URL": f"ws://{simulator}/v1beta1/indicative",
            # Also where only the other one runs: nothing here ever speaks to a real broker.
            "AGENTTRADER_TASTYTRADE_URL": stack.url("tastytrade"),
            "AGENTTRADER_TASTYTRADE_STREAMER_URL": f"ws://{HOST}:{stack.port('tastytrade')}",
        }
        | dict(setup.extra)
    )


def worker_environment(environment: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """A function's environment without the private keys that the wiring table does not name for it."""
    hidden = {variable for secret, variable in KEY_FILES.items() if secret not in secrets}
    return {name: value for name, value in environment.items() if name not in hidden}


def edge_environment(stack: Stack, setup: Setup) -> dict[str, str]:
    """For the edge runtime, whose functions act under their caller's own token.

    The key of the local project's tokens is what the API checks them with, and makes those of programs; hosted projects
    have key pairs instead.
    """
    return (
        base_environment()
        | {
            "SUPABASE_URL": stack.url("gateway"),
            "SUPABASE_ANON_KEY": stack.publishable_key,
            "AGENTTRADER_JWT_SECRET": stack.secrets.jwt_secret,
            "AGENTTRADER_FUNCTIONS_URL": stack.url("functions"),
            "AGENTTRADER_DASHBOARD_ORIGINS": ",".join(_dashboard_origins(stack)),
            "DENO_DIR": str(PROJECT / ".tools" / "deno"),
            "DENO_NO_UPDATE_CHECK": "1",
        }
        | dict(setup.extra)
    )


def _dashboard_origins(stack: Stack) -> tuple[str, ...]:
    port = stack.port("dashboard")
    return (f"http://{HOST}:{port}", f"http://localhost:{port}", *_DEVELOPMENT_ORIGINS)
