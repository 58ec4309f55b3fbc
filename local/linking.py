"""Entering an account's credentials as the dashboard does: sealed with the public key, as the signed-in owner."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from functions.brokers.sealing import Binding, Credential, Purpose, seal
from functions.core.errors import Misconfigured
from local.stack import Stack


def enter_credentials(
    connection: psycopg.Connection[Any], account: UUID, purpose: Purpose, fields: Mapping[str, str]
) -> None:
    """Seals and stores, in the connection's transaction. Raises Misconfigured and what Postgres refuses."""
    row = connection.execute(
        "select user_id, broker, is_paper from public.broker_accounts where id = %s", [account]
    ).fetchone()
    key = connection.execute(
        "select id, public_key from public.sealing_keys where purpose = %s and status = 'active' "
        "order by registered_at desc limit 1",
        [purpose],
    ).fetchone()
    if row is None or key is None:
        raise Misconfigured("CANNOT_SEAL", "there is no such account, or no active sealing key")
    user, broker, is_paper = row
    binding = Binding(user, account, broker, "paper" if is_paper else "live", purpose)
    sealed = seal(Credential(binding, fields, datetime.now(UTC)), base64.b64decode(key[1]))
    claims = json.dumps({"role": "authenticated", "sub": str(user)})
    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    connection.execute("set local role authenticated")
    connection.execute("select public.store_credentials(%s, %s, %s, %s)", [account, purpose, key[0], sealed])
    connection.execute("reset role")
    connection.execute("select set_config('request.jwt.claims', '', true)")


def enter_simulator_keys(connection: psycopg.Connection[Any], stack: Stack, account: UUID) -> None:
    """The keys of the broker simulator's account, for trading and for market data."""
    own = stack.secrets
    enter_credentials(connection, account, "trading", {"key": own.broker_key, "secret": own.broker_secret})
    enter_credentials(connection, account, "data", {"key": own.data_key, "secret": own.data_secret})


def enter_tastytrade_grants(connection: psycopg.Connection[Any], stack: Stack, account: UUID) -> None:
    """The grants of the tastytrade simulator's account, for trading and for market data."""
    own = stack.secrets
    trading = {"client_secret": own.tastytrade_secret, "refresh_token": own.tastytrade_trading_grant}
    enter_credentials(connection, account, "trading", trading)
    enter_credentials(connection, account, "data", trading | {"refresh_token": own.tastytrade_data_grant})
