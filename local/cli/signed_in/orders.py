"""`agenttrader orders`: list, place, replace and cancel as whoever is signed in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from functions.core.errors import BadInput
from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.risk_commands import Side, order_said
from local.cli.screen import Screen
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, account_named, id_of, opened
from local.cli.signed_in.rows import asked, plain, show
from local.cli.signed_in.trades import COLUMNS, Last
from local.client import models

orders = typer.Typer(no_args_is_help=True)
Order = Annotated[str, typer.Argument(help="The order's id, see `agenttrader orders list`.", metavar="ORDER")]
Account = Annotated[str | None, typer.Option(help="The account's number, label or id.", metavar="ACCOUNT")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="Your own name of the request: sent again, it is the same order.", metavar="TEXT"),
]
Price = Annotated[str | None, typer.Option(metavar="PRICE")]


@orders.callback()
def _group() -> None:
    """Orders of whoever is signed in (`agenttrader login`): list, place, replace, cancel.

    Example: agenttrader orders list
    """


@orders.command("list", short_help="Show orders that are not over.")
def list_orders(
    account: Account = None,
    symbol: Annotated[str | None, typer.Option(help="Of this symbol only.", metavar="SYMBOL")] = None,
    last: Last = 50,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show the orders that are not over, the newest first. Those that are over are among `agenttrader trades`.

    Example: agenttrader orders list --symbol SPY
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        owned = account_named(client, account).id if account else None
        show(screen, "orders", client.all_trades(status="open", broker_account_id=owned, symbol=symbol), COLUMNS, last)
    return Exit.FINE


@orders.command("place", short_help="Place an order.")
def place(
    symbol: Annotated[str, typer.Argument(help="What is traded; an option by its OCC symbol.", metavar="SYMBOL")],
    side: Annotated[Side, typer.Argument(help="buy and sell open; buy_to_close and sell_to_close close.")],
    quantity: Annotated[str, typer.Argument(help="Shares, contracts, or units of several legs.", metavar="QUANTITY")],
    account: Annotated[str, typer.Option(help="The account's number, label or id.", metavar="ACCOUNT")],
    limit: Annotated[
        str | None, typer.Option(help="Limit price; of several legs net, below zero to receive.", metavar="PRICE")
    ] = None,
    stop: Annotated[str | None, typer.Option(help="Stop price of a stop order.", metavar="PRICE")] = None,
    planned_stop: Annotated[
        str | None,
        typer.Option(help="Where it is planned to get out: what the largest loss is told by.", metavar="PRICE"),
    ] = None,
    leg: Annotated[
        list[str] | None,
        typer.Option(help="A further leg: 'SIDE SYMBOL' or 'SIDE SYMBOL RATIO'. Up to three.", metavar="LEG"),
    ] = None,
    time_in_force: Annotated[str, typer.Option("--for", help="day, gtc, ioc, fok, opg or cls.")] = "day",
    reason: Annotated[str | None, typer.Option(help="Why; kept with the order.")] = None,
    key: Key = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Place an order: it is judged by risk and sent. Sent again with the same --key, it is the same order.

    Example: agenttrader orders place SPY buy 10 --account PA3LOCAL0001 --limit 270.25

    Example: agenttrader orders place SPY180309C00270000 buy 1 --leg 'sell SPY180309C00275000' --account PA3LOCAL0001
    """
    screen = Screen.open(as_json)
    said = order_said(symbol, side, quantity, limit, stop, planned_stop, leg or [])
    said |= {"time_in_force": time_in_force} | ({} if reason is None else {"reason": reason})
    with opened(profile, state) as client:
        order = asked(models.NewOrder, said | {"broker_account_id": account_named(client, account).id})
        placed = client.place_order(order, idempotency_key=key)
    screen.say(f"{placed.id} is {placed.status}. See what becomes of it: agenttrader trades show {placed.id}")
    screen.result(plain(placed))
    return Exit.FINE


@orders.command("replace", short_help="Change a working order.")
def replace(
    order: Order,
    quantity: Annotated[str | None, typer.Option(help="Of the whole order, what is filled included.")] = None,
    limit: Price = None,
    stop: Price = None,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the order.")] = None,
    key: Key = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Ask that a new order takes the place of a working one; what is left out stays.

    Example: agenttrader orders replace 0198c0de-0000-7000-8000-000000000000 --limit 271
    """
    screen = Screen.open(as_json)
    changes = {"quantity": quantity, "price": limit, "stop_price": stop, "reason": reason}
    change = _change({name: value for name, value in changes.items() if value is not None})
    with opened(profile, state) as client:
        seen = client.get_trade(id_of(order, "an order"))
        placed = client.replace_order(seen.id, change, if_match=seen.version, idempotency_key=key)
    screen.say(f"{placed.id} takes the place of {seen.id} when the broker has done it; it is {placed.status}.")
    screen.result(plain(placed))
    return Exit.FINE


@orders.command("cancel", short_help="Cancel an order, or all.")
def cancel(
    order: Annotated[str | None, typer.Argument(help="The order's id; left out with --all.", metavar="ORDER")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every order that is not over, exits included.")] = False,
    account: Account = None,
    symbol: Annotated[str | None, typer.Option(help="With --all: of this symbol only.", metavar="SYMBOL")] = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Ask for an order to be cancelled; one that is over already stays as it is.

    Example: agenttrader orders cancel 0198c0de-0000-7000-8000-000000000000

    Example: agenttrader orders cancel --all --symbol SPY
    """
    screen = Screen.open(as_json)
    if (order is None) != every:
        raise BadInput("BAD_CANCEL", "say which order, or --all")
    with opened(profile, state) as client:
        if order is not None:
            cancelled = [client.cancel_order(id_of(order, "an order"))]
        else:
            owned = account_named(client, account).id if account else None
            cancelled = client.cancel_all_orders(broker_account_id=owned, symbol=symbol).data
    for one in cancelled:
        screen.say(f"{one.id} is {one.status}.")
    if not cancelled:
        screen.say("There was nothing to cancel.")
    screen.result({"cancelled": [plain(one) for one in cancelled]})
    return Exit.FINE


def _change(said: dict[str, Any]) -> models.OrderChange:
    if not said:
        raise BadInput("NOTHING_TO_CHANGE", "say what changes: --quantity, --limit or --stop")
    return asked(models.OrderChange, said)
