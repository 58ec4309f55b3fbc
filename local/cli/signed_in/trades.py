"""`agenttrader trades` and `positions`: what was ordered, what became of it, and what is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from functions.core.money import text
from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.screen import Screen, cell
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, account_named, id_of, opened, strategy_named
from local.cli.signed_in.rows import plain, show
from local.client import models

trades = typer.Typer(no_args_is_help=True)
Account = Annotated[str | None, typer.Option(help="The account's number, label or id.", metavar="ACCOUNT")]
Last = Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)]
COLUMNS: Final[Mapping[str, Callable[[models.Trade], Any]]] = {
    "order": lambda trade: trade.id,
    "at": lambda trade: trade.event_at,
    "what": lambda trade: f"{trade.side} {_amount(trade)} {trade.symbol}{' and legs' if trade.multi_leg else ''}",
    "type": lambda trade: trade.order_type,
    "price": lambda trade: trade.price,
    "status": lambda trade: trade.status,
    "filled": lambda trade: trade.filled_quantity,
    "at price": lambda trade: trade.fill_price,
    "by": lambda trade: trade.source,
}


@trades.callback()
def _group() -> None:
    """Orders of every source and what became of them, as whoever is signed in.

    Example: agenttrader trades list --symbol SPY
    """


@trades.command("list", short_help="Show orders of every source, the newest first.")
def list_trades(
    account: Account = None,
    strategy: Annotated[str | None, typer.Option(help="The strategy's name or id.", metavar="STRATEGY")] = None,
    symbol: Annotated[str | None, typer.Option(help="Of this symbol only.", metavar="SYMBOL")] = None,
    last: Last = 50,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show orders of every source with what is filled of them, the newest first.

    Example: agenttrader trades list --strategy "RSI reversion" --last 20
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        rows = client.all_trades(
            broker_account_id=account_named(client, account).id if account else None,
            strategy_id=strategy_named(client, strategy).id if strategy else None,
            symbol=symbol,
        )
        show(screen, "trades", rows, COLUMNS, last)
    return Exit.FINE


@trades.command("show", short_help="Show one order with its fills, steps and verdicts.")
def show_trade(
    trade: Annotated[str, typer.Argument(help="Its id.", metavar="TRADE")],
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show one order with its fills, its steps and the verdicts of risk.

    Example: agenttrader trades show 0198c0de-0000-7000-8000-000000000000
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        found = client.get_trade(id_of(trade, "a trade"))
    screen.say(f"{found.side} {_amount(found)} {found.symbol}, {found.order_type}: {found.status}. {found.reason}")
    if found.refusal:
        screen.say(found.refusal)
    for step in found.transitions:
        screen.say(f"  {cell(step.event_at)}  {step.to_status} by {step.actor}  {step.reason}")
    for fill in found.fills:
        screen.say(f"  {cell(fill.executed_at)}  {fill.side} {text(fill.quantity)} {fill.symbol} at {text(fill.price)}")
    for decision in found.risk_decisions:
        screen.say(f"  risk: {decision.rule} {decision.verdict}")
    screen.result(plain(found))
    return Exit.FINE


def positions(
    account: Account = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those too that are closed.")] = False,
    last: Last = 200,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show what is held, at its latest mark, as whoever is signed in. A value that nobody knows is left empty.

    Example: agenttrader positions --account PA3LOCAL0001
    """
    screen = Screen.open(as_json)
    columns: Mapping[str, Callable[[models.Position], Any]] = {
        "symbol": lambda row: row.symbol,
        "quantity": lambda row: row.quantity,
        "entry": lambda row: row.average_entry_price,
        "mark": lambda row: row.mark,
        "value": lambda row: row.market_value,
        "unrealised": lambda row: row.unrealised_pnl,
        "realised": lambda row: row.realised_pnl,
    }
    with opened(profile, state) as client:
        owned = account_named(client, account).id if account else None
        show(screen, "positions", client.all_positions(broker_account_id=owned, closed=closed or None), columns, last)
    return Exit.FINE


def _amount(trade: models.Trade) -> str:
    if trade.quantity is not None:
        return text(trade.quantity)
    return f"{text(trade.notional)} dollars of" if trade.notional is not None else ""
