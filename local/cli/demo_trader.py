"""The demo's trader: a user, an account at each broker that takes part, limits, and active strategies on each.

Every id is made from a name, because trades of one event are placed in strategy-id order and a trade's id is made from
its strategy's: so two demos place the same trades.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from functions.core.identity import named_uuid
from local.cli.demo_accounts import DemoAccount, demo_accounts
from local.cli.demo_strategies import DEFAULT_PLAN, DemoPlan, DemoStrategy
from local.cli.people import sign_up
from local.stack import Stack
from local.starting import start_strategies
from local.supervisor.environment import Brokers

EMAIL: Final = "demo@example.com"


@dataclass(frozen=True, slots=True)
class DemoTrader:
    """Who trades in the demo; `password` signs in at the dashboard."""

    user_id: UUID
    email: str
    password: str
    accounts: tuple[DemoAccount, ...]
    strategies: tuple[UUID, ...]


def create(
    stack: Stack,
    symbols: Sequence[str],
    decide_from: datetime,
    broker: Brokers = "alpaca",
    plan: DemoPlan = DEFAULT_PLAN,
) -> DemoTrader:
    """Creates the trader in the ledger of a running cloud, with an account at each broker whose simulator runs.

    Strategies are started once the cloud has verified the accounts and validated the strategies; they decide on bars
    that end after `decide_from` (UTC). Raises Unavailable where the gateway, the database or a verdict does not come.
    """
    password = secrets.token_urlsafe(12)
    user_id = sign_up(stack, EMAIL, password, details={"display_name": "Demo"})
    accounts = demo_accounts(broker)
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("select set_config('app.actor', 'agenttrader demo', true)")
        _instruments(connection, symbols)
        for account in accounts:
            account.link(connection, stack, user_id)
            for name, value, unit in plan.limits:
                connection.execute(
                    "select public.set_limit('account', %s, %s, %s, %s)", [account.id, name, value, unit]
                )
        strategies = tuple(
            _strategy(connection, user_id, account, strategy, symbols)
            for account in accounts
            for strategy in plan.strategies
        )
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("select set_config('app.actor', 'agenttrader demo', false)")
        start_strategies(connection, strategies, decide_from)
    return DemoTrader(user_id, EMAIL, password, accounts, strategies)


def _instruments(connection: psycopg.Connection[Any], symbols: Sequence[str]) -> None:
    for symbol in symbols:
        connection.execute(
            "insert into public.instruments (symbol, kind, source) values (%s, 'equity', 'demo') "
            "on conflict do nothing",
            [symbol],
        )


def _strategy(
    connection: psycopg.Connection[Any],
    user_id: UUID,
    account: DemoAccount,
    strategy: DemoStrategy,
    symbols: Sequence[str],
) -> UUID:
    # Alpaca's are named as they were when it was the only broker, so that the demo's trades stay what they were.
    elsewhere = () if account.broker == "alpaca" else (account.broker,)
    shown = f"{strategy.name} at {account.broker}" if elsewhere else strategy.name
    strategy_id = named_uuid("demo", "strategy", strategy.kind, *elsewhere)
    config, timeframe = json.dumps(strategy.config), strategy.timeframe
    connection.execute(
        "insert into public.strategies (id, user_id, broker_account_id, name, kind, config, symbols, timeframe) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [strategy_id, user_id, account.id, shown, strategy.kind, config, list(symbols), timeframe],
    )
    return strategy_id
