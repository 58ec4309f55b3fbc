"""`agenttrader risk preview`: what an order would come to, asked of the running cloud as the account's owner."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Annotated, Any, Final, Literal, cast

import typer
from rich import box
from rich.table import Table

from functions.core.errors import BadInput, Refused, Unavailable
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected
from local.cli.rule_words import numbers_said, rule_name
from local.cli.scopes import NamedScope, named_account
from local.cli.screen import Screen
from local.conductor.control import Control
from local.stack import Stack

Side = Literal["buy", "sell", "buy_to_open", "sell_to_open", "buy_to_close", "sell_to_close"]
_TOKEN_SECONDS: Final = 60
_SIDES: Final = ("buy", "sell")
_INTENTS: Final = ("buy_to_open", "sell_to_open", "buy_to_close", "sell_to_close")
_LEG_WORDS: Final = (2, 3)

risk = typer.Typer(no_args_is_help=True)


@risk.callback()
def _group() -> None:
    """What risk would say of an order.

    Example: agenttrader risk preview --account PA3LOCAL0001 SPY buy 100
    """


@risk.command("preview", short_help="Evaluate an order without placing it.")
def preview(
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
    email: Annotated[str | None, typer.Option(help="Whose account, where several have the name.")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Evaluate an order without placing it: every rule with its numbers, and the ledger's own re-check.

    Exit 0 where it would be approved, also reduced; 1 where not.

    Example: agenttrader risk preview --account PA3LOCAL0001 SPY buy 100 --limit 270

    Example: agenttrader risk preview --account PA3LOCAL0001 SPY180309C00270000 buy 1 --leg 'sell SPY180309C00275000'
    """
    screen = Screen.open(as_json)
    order = order_said(symbol, side, quantity, limit, stop, planned_stop, leg or [])
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "risk preview") as connection:
        owner = named_account(connection, account, email)
    answer = _asked(stack, owner, order | {"broker_account_id": str(owner.id)})
    say_preview(screen, answer)
    screen.result(answer)
    return Exit.FINE if answer["verdict"] in ("allow", "reduce") else Exit.CHECK_FAILED


def order_said(
    symbol: str,
    side: str,
    quantity: str,
    limit: str | None,
    stop: str | None,
    planned_stop: str | None,
    legs: list[str],
) -> dict[str, Any]:
    """The order in the shape of `place_trade`. Raises BadInput BAD_LEG; the rest is for the ledger to judge."""
    order_type = "_".join(name for name, price in (("stop", stop), ("limit", limit)) if price is not None) or "market"
    prices = {"price": limit, "stop_price": stop, "planned_stop": planned_stop}
    order: dict[str, Any] = {"quantity": quantity, "order_type": order_type}
    order |= {name: price for name, price in prices.items() if price is not None}
    first = _leg(side, symbol)
    if not legs:
        return order | first
    return order | {"legs": [first, *(_leg_of(said) for said in legs)]}


def _leg(side: str, symbol: str, ratio: str | None = None) -> dict[str, str]:
    intent = f"{side}_to_open" if side in _SIDES else side
    ratios = {} if ratio is None else {"ratio": ratio}
    return {"symbol": symbol.upper(), "side": intent.split("_", 1)[0], "position_intent": intent} | ratios


def _leg_of(said: str) -> dict[str, str]:
    words = said.split()
    if len(words) not in _LEG_WORDS or words[0] not in (*_SIDES, *_INTENTS):
        raise BadInput("BAD_LEG", f"expected a leg such as 'sell SPY180309C00275000' or with a ratio, was {said!r}")
    return _leg(*words)


def _asked(stack: Stack, owner: NamedScope, order: dict[str, Any]) -> dict[str, Any]:
    """The function's answer. It is asked with a token of the owner's, as the dashboard would."""
    token = stack.token(
        "authenticated", sub=str(owner.owner), aud="authenticated", exp=int(time.time()) + _TOKEN_SECONDS
    )
    functions = Control("functions", stack.url("functions"), headers={"Authorization": f"Bearer {token}"})
    with closing(functions):
        try:
            return cast("dict[str, Any]", functions.post("/preview_risk", order))
        except Unavailable as error:
            raise _refusal(error) from error


def _refusal(error: Unavailable) -> Refused | Unavailable:
    if error.code != "CONTROL_REFUSED":
        return error
    try:
        said = json.loads(error.text[error.text.index("{") :])
        return Refused(said["code"], said["text"])
    except (ValueError, KeyError, TypeError):
        return error


def say_preview(screen: Screen, answer: dict[str, Any]) -> None:
    """The rules as a table, then the verdict in a sentence."""
    if answer["rules"]:
        table = Table(title="Rules", title_justify="left", box=box.SIMPLE)
        for column in ("rule", "verdict", "numbers"):
            table.add_column(column, overflow="fold")
        for rule in answer["rules"]:
            numbers = numbers_said(rule["rule"], rule["numbers"])
            style = {"deny": "red", "reduce": "yellow"}.get(rule["verdict"], "")
            table.add_row(rule_name(rule["rule"]), rule["verdict"], numbers, style=style)
        screen.show(table)
    for symbol, mark in answer["marks"].items():
        screen.say(f"{symbol} at {mark['price']}, quoted {mark['quoted_at']}")
    screen.say(_verdict(answer))
    if answer["do"]:
        screen.say(answer["do"])


def _verdict(answer: dict[str, Any]) -> str:
    where = {
        "placing": "It would not be placed",
        "rules": "The rules would reject it",
        "recheck": "The ledger's own re-check would reject it",
    }[answer["step"]]
    match answer["verdict"]:
        case "allow":
            return f"ALLOWED: it would be approved, {answer['quantity']} of {answer['ordered']}."
        case "reduce":
            return f"REDUCED: it would be approved for {answer['quantity']} of {answer['ordered']}."
        case "wait":
            return f"WAITS: {answer['text']}"
        case _:
            return f"DENIED: {where}: {answer['text']}"
