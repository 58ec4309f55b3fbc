"""Linking an account as the dashboard does, as the signed-in owner: its keys sealed with the public key."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from functions.brokers.sealing import Binding, Credential, Purpose, seal
from functions.core.errors import Misconfigured
from local.stack import Stack

_LOOK_SECONDS: Final = 0.1


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
    with as_person(connection, user):
        connection.execute("select public.store_credentials(%s, %s, %s, %s)", [account, purpose, key[0], sealed])


@contextmanager
def as_person(connection: psycopg.Connection[Any], user: UUID) -> Iterator[None]:
    """Within the connection's transaction: what a signed-in person may do, and no more."""
    claims = json.dumps({"role": "authenticated", "sub": str(user)})
    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    connection.execute("set local role authenticated")
    yield
    connection.execute("reset role")
    connection.execute("select set_config('request.jwt.claims', '', true)")


def link_account(
    connection: psycopg.Connection[Any], user: UUID, broker: str, number: str, label: str | None, *, is_paper: bool
) -> UUID:
    """The account of this number, linked by its owner; one that is linked, or was, is the same again."""
    named = [user, broker, number, is_paper]
    with as_person(connection, user):
        row = (
            connection.execute(
                "select id, status from public.broker_accounts "
                "where user_id = %s and broker = %s and account_id = %s and is_paper = %s",
                named,
            ).fetchone()
            or connection.execute(
                "insert into public.broker_accounts (user_id, broker, account_id, is_paper) "
                "values (%s, %s, %s, %s) returning id, status",
                named,
            ).fetchone()
        )
        if row is None:
            raise Misconfigured("NO_ACCOUNT", f"the ledger did not link {number}")
        account, status = row
        if status == "unlinked":
            connection.execute("select public.relink_account(%s)", [account])
        if label is not None:
            connection.execute("update public.broker_accounts set label = %s where id = %s", [label, account])
    return UUID(str(account))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is on record of an account's trading credential; code and reason where there is something to say."""

    state: str
    code: str | None
    reason: str | None


def verdict_on(connection: psycopg.Connection[Any], account: UUID) -> Verdict:
    """`connection` is in autocommit mode, so that each look is a new one."""
    row = connection.execute(
        "select link_state, link_code, link_reason from public.broker_accounts where id = %s", [account]
    ).fetchone()
    if row is None:
        raise Misconfigured("NO_ACCOUNT", f"there is no account {account}")
    return Verdict(*row)


def await_verdict(
    connection: psycopg.Connection[Any], account: UUID, seconds: float, heard: Callable[[Verdict], None]
) -> Verdict:
    """Waits until the running cloud has asked the broker, at most so long; `heard` is told of each attempt in vain."""
    until = time.monotonic() + seconds
    last = Verdict("unverified", None, None)
    while True:
        found = verdict_on(connection, account)
        if found.state != "unverified" or time.monotonic() > until:
            return found
        if found != last:
            heard(found)
            last = found
        time.sleep(_LOOK_SECONDS)  # the row is the truth, and another process writes it


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
