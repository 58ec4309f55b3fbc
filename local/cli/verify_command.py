"""`agenttrader verify`."""

from __future__ import annotations

import psycopg
from rich import box
from rich.table import Table

from functions.core.errors import Unavailable
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.screen import Screen
from local.conductor.market import Market
from local.stack import Stack
from local.verify import Verification
from local.verify import verify as verify_ledger


def verify(as_json: Json = False, state: State = None) -> int:
    """Check that the ledger agrees with itself and with the broker. Exit 1 where a check fails.

    Example: agenttrader verify --json
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with screen.waiting("Checking the ledger against itself and the broker"):
        result = verified(stack)
    screen.show(verification_table(result))
    screen.result(result.as_json())
    return Exit.FINE if result.ok else Exit.CHECK_FAILED


def verified(stack: Stack) -> Verification:
    """Runs the checks on a running stack. Raises Unavailable where the database or the broker does not answer."""
    market = Market.of(stack)
    try:
        with psycopg.connect(stack.database_url, autocommit=True, connect_timeout=5) as connection:
            return verify_ledger(connection, market)
    except psycopg.OperationalError as error:
        raise Unavailable("NO_DATABASE", f"Postgres does not answer: {error}; see `agenttrader status`") from error
    finally:
        market.close()


def verification_table(result: Verification) -> Table:
    table = Table(
        title="Verify: " + ("all is well" if result.ok else "SOMETHING IS WRONG"), title_justify="left", box=box.SIMPLE
    )
    table.add_column("check")
    table.add_column("")
    table.add_column("detail", overflow="fold")
    for check in result.checks:
        table.add_row(check.name, "ok" if check.ok else "FAILED", check.detail, style=None if check.ok else "red")
    return table
