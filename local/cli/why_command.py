"""`agenttrader why`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from functions.core.errors import BadInput
from functions.core.market_calendar import EXCHANGE_TIME_ZONE, exchange_time
from functions.core.money import text
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected
from local.cli.screen import Screen
from local.cli.why_trade import say_story
from local.story import story_of, trade_named
from local.why import Explained, Named, explain, find


def why(
    strategy: Annotated[
        str,
        typer.Argument(
            help="A strategy's name or id; or a trade: its id, its client order id, or how one of them begins.",
            metavar="STRATEGY|TRADE",
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(help="The moment, such as '2018-02-05 10:31'; New York time without a zone. Default: now."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="One of its symbols; default all.")] = None,
    last: Annotated[int, typer.Option(help="So many decisions up to then, newest first.", min=1, max=500)] = 1,
    email: Annotated[str | None, typer.Option(help="Whose strategy, where several have the name.")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Say why a strategy traded, or did not: its decision at a moment, and what became of it.

    Of a trade: the whole story, from its signal to what it made. Exit 1 where nothing is on record.

    Example: agenttrader why "RSI reversion" --at "2018-02-05 10:31"

    Example: agenttrader why at-3f2a91
    """
    screen = Screen.open(as_json)
    moment = _moment(at)
    with connected(found_stack(state), "why") as connection:
        trade = trade_named(connection, strategy)
        if trade is not None:
            say_story(screen, story_of(connection, trade))
            return Exit.FINE
        named = find(connection, strategy, email)
        wanted = named.symbols if symbol is None else (symbol,)
        if symbol is not None and symbol not in named.symbols:
            raise BadInput("BAD_SYMBOL", f"expected one of {', '.join(named.symbols)}, was {symbol!r}")
        found = [explain(connection, named, each, moment, last) for each in wanted]
    until = "now" if at is None else _shown(moment)
    screen.say(f"{named.name} ({named.kind}, {named.status}, {named.timeframe} bars) up to {until}")
    for each in found:
        _say(screen, each)
    screen.result(_data(named, moment, found))
    return Exit.FINE if any(each.decisions for each in found) else Exit.CHECK_FAILED


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        raise BadInput("BAD_TIME", f"expected a time such as '2018-02-05 10:31', was {at!r}") from None
    return (read if read.tzinfo else read.replace(tzinfo=EXCHANGE_TIME_ZONE)).astimezone(UTC)


def _say(screen: Screen, one: Explained) -> None:
    screen.say("")
    if one.newest_bar is None:
        screen.say(f"{one.symbol}: no bar is stored up to then, so there was nothing to decide on")
        return
    if one.undecided is not None:
        screen.say(f"{one.symbol}: no decision on the bar that ended {_shown(one.undecided)} is on record")
        if one.recomputed is not None:
            screen.say(f"  with the version in effect now, while it holds nothing: {one.recomputed}")
    for decision in one.decisions:
        cause = "" if decision["cause"] == "bar" else f", on a {decision['cause']}"
        version = f"version {decision['strategy_version']}"
        screen.say(f"{one.symbol} at {_shown(decision['bar_at'])}: {decision['action']} ({version}{cause})")
        screen.say(f"  {decision['reason']}")
        if decision["chain_taken_at"] is not None:
            screen.say(f"  with the option chain taken {_shown(decision['chain_taken_at'])}")
        if decision["cancels"]:
            screen.say(f"  canceled: {', '.join(str(each) for each in decision['cancels'])}")
        if decision["refused"]:
            screen.say(f"  not placed: {decision['refused']}")
        for trade in decision["trades"]:
            price = f" at {text(trade['fill_price'])}" if trade["fill_price"] is not None else ""
            screen.say(f"  order {trade['legs']}: {trade['status']}{price}; its story: agenttrader why {trade['id']}")
            if trade["refusal"]:
                screen.say(f"    {trade['refusal']}")
            for verdict in trade["verdicts"] or ():
                numbers = " ".join(f"{name}={value}" for name, value in verdict["numbers"].items())
                screen.say(f"    {verdict['verdict']} by {verdict['rule']}: {numbers}")


def _shown(at: datetime) -> str:
    return f"{exchange_time(at):%Y-%m-%d %H:%M:%S} ET"


def _data(named: Named, at: datetime, found: list[Explained]) -> dict[str, Any]:
    return {
        "strategy": str(named.id),
        "name": named.name,
        "kind": named.kind,
        "status": named.status,
        "at": at.isoformat(),
        "symbols": {
            one.symbol: {
                "decisions": [dict(decision) for decision in one.decisions],
                "newest_bar": one.newest_bar,
                "undecided": one.undecided,
                "recomputed": one.recomputed,
            }
            for one in found
        },
    }
