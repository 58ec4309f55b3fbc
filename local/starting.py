"""Starting strategies as soon as the running cloud has verified their accounts and found them valid."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from functions.core.errors import Refused, Unavailable
from local.linking import await_verdict

VERDICT_SECONDS: Final = 60.0
"""How long a verdict is waited for: on an account, or on a strategy."""
_LOOK_SECONDS: Final = 0.1
_MEANWHILE_SECONDS: Final = 1.0


def start_strategies(
    connection: psycopg.Connection[Any],
    strategies: Sequence[UUID],
    decide_from: datetime,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Activates the strategies, which decide on bars that end after `decide_from` (UTC).

    `connection` is in autocommit mode; `meanwhile` is called about every second of waiting. Raises Refused where an
    account is refused or a strategy is not valid, and Unavailable where the running cloud takes too long to say so.
    """
    accounts = connection.execute(
        "select distinct a.id, a.account_id from public.strategies as s "
        "join public.broker_accounts as a on a.id = s.broker_account_id "
        "where s.id = any (%s) and a.trading_entered_at is not null order by a.id",
        [list(strategies)],
    ).fetchall()
    for account, number in accounts:
        _require_verified(connection, account, number, meanwhile)
    for strategy in strategies:
        _require_valid(connection, strategy, meanwhile)
        connection.execute("select public.activate_strategy(%s, %s)", [strategy, decide_from])


def _require_verified(
    connection: psycopg.Connection[Any], account: UUID, number: str, meanwhile: Callable[[], object]
) -> None:
    until = time.monotonic() + VERDICT_SECONDS
    verdict = await_verdict(connection, account, _MEANWHILE_SECONDS, lambda _: None)
    while verdict.state == "unverified" and time.monotonic() < until:
        meanwhile()
        verdict = await_verdict(connection, account, _MEANWHILE_SECONDS, lambda _: None)
    if verdict.state == "refused":
        raise Refused(verdict.code or "ACCOUNT_REFUSED", verdict.reason or f"{number} is refused")
    if verdict.state != "verified":
        raise Unavailable("NOT_VERIFIED", f"{number} was not verified in {VERDICT_SECONDS:g} s")


def _require_valid(connection: psycopg.Connection[Any], strategy: UUID, meanwhile: Callable[[], object]) -> None:
    until = time.monotonic() + VERDICT_SECONDS
    again = time.monotonic() + _MEANWHILE_SECONDS
    while True:
        row = connection.execute(
            "select s.name, v.valid, v.problems from public.strategies as s "
            "left join public.strategy_validations as v on v.strategy_id = s.id "
            "and v.strategy_version = s.strategy_version where s.id = %s",
            [strategy],
        ).fetchone()
        if row is None:
            raise Refused("NO_SUCH_STRATEGY", f"there is no strategy {strategy}")
        name, valid, problems = row
        if valid:
            return
        if valid is False:
            raise Refused("NOT_VALID", f"{name}: " + "; ".join(str(problem["text"]) for problem in problems))
        if time.monotonic() > until:
            raise Unavailable("NOT_VALIDATED", f"{name} was not validated in {VERDICT_SECONDS:g} s")
        if time.monotonic() > again:
            meanwhile()
            again = time.monotonic() + _MEANWHILE_SECONDS
        time.sleep(_LOOK_SECONDS)  # the row is the truth, and another process writes it
