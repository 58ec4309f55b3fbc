"""The story of one trade on the screen: what `agenttrader why TRADE` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.core.market_calendar import exchange_time
from functions.core.money import text
from local.cli.rule_words import numbers_said, rule_name
from local.cli.screen import Screen
from local.story import Row, Story

_FINAL = ("filled", "canceled", "rejected", "expired", "replaced")


def say_story(screen: Screen, story: Story) -> None:
    """Step by step, in the order in which it happened."""
    for line in lines(story):
        screen.say(line)
    screen.result(as_json(story))


def lines(story: Story) -> Iterator[str]:
    """The whole story, a line for each thing that happened."""
    trade = story.trade
    yield f"{_order(trade)}: {trade['status']}"
    yield f"  trade {trade['id']}, {trade['client_order_id']}"
    yield f"  account {trade['account_number']} at {trade['broker']}, of {trade['email']}"
    yield from _signal(story)
    yield from _judged(story)
    yield from _steps(story)
    yield from _sent(story)
    yield from _filled(story)
    yield from _closed(story)
    if story.do is not None:
        yield ""
        yield f"What to do: {story.do}"


def _order(trade: Row) -> str:
    legs = ", ".join(
        f"{leg['side']} {_plain(leg['quantity'])} {leg['symbol']}"
        if leg["quantity"]
        else f"{leg['side']} {leg['symbol']}"
        for leg in trade["legs"]
    )
    prices = {"at": trade["price"], "stop": trade["stop_price"], "planned stop": trade["planned_stop"]}
    said = " ".join(f"{name} {text(price)}" for name, price in prices.items() if price is not None)
    return " ".join(part for part in (legs, trade["order_type"], said) if part)


def _signal(story: Story) -> Iterator[str]:
    trade, decision = story.trade, story.decision
    yield ""
    if decision is not None:
        cause = "" if decision["cause"] == "bar" else f", on a {decision['cause']}"
        version = f"version {decision['strategy_version']}"
        yield f"Decided {_shown(decision['bar_at'])} by {trade['strategy']} ({version}{cause})"
        yield f"  {decision['reason']}"
        if decision["chain_taken_at"] is not None:
            yield f"  with the option chain taken {_shown(decision['chain_taken_at'])}"
        return
    whose = {
        "manual": "by hand",
        "automation": "by a program",
        "risk": "by risk, to close",
        "external": "at the broker",
    }
    by = f"by {trade['strategy']}" if trade["source"] == "strategy" else whose[trade["source"]]
    yield f"Placed {_shown(trade['event_at'])} {by}, signal {trade['signal']}"
    if trade["reason"]:
        yield f"  {trade['reason']}"


def _judged(story: Story) -> Iterator[str]:
    if not story.verdicts and story.recheck is None:
        return
    yield ""
    marks = ", ".join(f"{symbol} at {text(mark)}" for symbol, mark in story.marks.items())
    yield f"Judged{f' with {marks}' if marks else ''}"
    for verdict in story.verdicts:
        numbers = numbers_said(verdict["rule"], verdict["numbers"])
        yield f"  {verdict['verdict']:<6} {rule_name(verdict['rule'])} {numbers}".rstrip()
    if story.recheck is not None:
        said = numbers_said(story.recheck["rule"], story.recheck["numbers"])
        yield f"  The ledger's own re-check refused: {story.recheck['rule']} {said}".rstrip()
    elif any(step["to_status"] == "approved" for step in story.steps):
        yield "  The ledger's own re-check of gates and hard limits found nothing against it."


def _steps(story: Story) -> Iterator[str]:
    yield ""
    yield "Steps, by event time; in brackets how long each took on the machine"
    for step in story.steps:
        took = "" if step["seconds"] is None else f" (+{step['seconds']} s)"
        reason = f": {step['reason']}" if step["reason"] else ""
        yield f"  {_shown(step['event_at'])} {step['to_status']}{took} by {step['actor']}{reason}"


def _sent(story: Story) -> Iterator[str]:
    if not story.attempts:
        return
    yield ""
    yield "At the broker"
    for one in story.attempts:
        does = "sent" if one["kind"] == "send" else "looked for"
        took = "" if one["seconds"] is None else f" after {one['seconds']} s"
        order = f", order {one['broker_order_id']}" if one["broker_order_id"] else ""
        detail = f": {one['detail']}" if one["detail"] else ""
        outcome = one["outcome"] or "no answer yet"
        yield f"  {one['attempt']}. {does} as {one['client_order_id']}: {outcome}{took}{order}{detail}"


def _filled(story: Story) -> Iterator[str]:
    if not story.fills:
        return
    yield ""
    yield "Fills; prices and fees in dollars, slippage against the mark it was judged at, above zero costs"
    for fill in story.fills:
        slipped = "unknown" if fill["slippage"] is None else text(fill["slippage"])
        kind = "" if fill["kind"] == "fill" else f"{fill['kind']} of "
        what = f"{fill['side']} {text(fill['quantity'])} {fill['symbol']} at {text(fill['price'])}"
        yield f"  {_shown(fill['executed_at'])} {kind}{what}, slippage {slipped}, fee {text(fill['fee'])}"


def _closed(story: Story) -> Iterator[str]:
    for closing in story.exits:
        by = f", fired by its {closing['triggered_by']}" if closing["triggered_by"] else ""
        at = f" at {text(closing['fill_price'])}" if closing["fill_price"] is not None else ""
        when = f" {_shown(closing['executed_at'])}" if closing["executed_at"] else ""
        yield ""
        yield f"Closed by {closing['id']} ({closing['source']}, {closing['order_type']}{by}){at}{when}"
        if closing["reason"]:
            yield f"  {closing['reason']}"
    if story.realised or story.exits:
        yield ""
        yield f"Realised P&L {text(story.realised)} dollars, fees {text(story.fees)}"
    elif story.fills and story.trade["status"] in _FINAL:
        yield ""
        yield f"Nothing is realised yet: what it opened is still held. Fees {text(story.fees)}"


def _plain(quantity: str) -> str:
    return text(Decimal(quantity))


def _shown(at: datetime) -> str:
    return f"{exchange_time(at):%Y-%m-%d %H:%M:%S} ET"


def as_json(story: Story) -> dict[str, Any]:
    """As it is told, with UTC times; amounts as text."""
    trade = story.trade
    names = (
        "id", "client_order_id", "broker_order_id", "account_number", "broker", "email", "strategy", "source", "signal",
        "order_type", "price", "stop_price", "planned_stop", "quantity", "status", "refusal", "reason", "legs",
        "event_at", "filled_quantity", "fill_price", "executed_at",
    )  # fmt: skip
    return {
        "trade": {name: _json(trade[name]) for name in names},
        "decision": None if story.decision is None else _row(story.decision),
        "marks": {symbol: text(mark) for symbol, mark in story.marks.items()},
        "verdicts": [_row(one) for one in story.verdicts],
        "recheck": None if story.recheck is None else _row(story.recheck),
        "steps": [_row(one) for one in story.steps],
        "attempts": [_row(one) for one in story.attempts],
        "fills": [_row(one) for one in story.fills],
        "exits": [_row(one) for one in story.exits],
        "realised_pnl": text(story.realised),
        "fees": text(story.fees),
        "do": story.do,
    }


def _row(row: Row) -> dict[str, Any]:
    return {name: _json(value) for name, value in row.items()}


def _json(value: Any) -> Any:
    return text(value) if isinstance(value, Decimal) else value
