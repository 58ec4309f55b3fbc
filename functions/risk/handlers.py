"""Entry points of `risk`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.errors import BadInput
from functions.core.events import HaltChanged, OptionQuoted, QuoteUpdated, StrategyChanged, TradeChanged, TradePlaced
from functions.core.handling import answered, delivered
from functions.core.ledger.previewing import previewing_user
from functions.core.ports import ports
from functions.core.runtime import event_of
from functions.risk.halting import Flattener
from functions.risk.judging import Judge
from functions.risk.preview import Previewer
from functions.risk.watch.breakers import Breakers
from functions.risk.watch.exits import ExitWatch
from functions.risk.watch.expiry import ExpiryDesk
from functions.risk.watch.margin import MarginWatch
from functions.risk.watch.portfolio import PortfolioWatch
from functions.risk.watch.results import ResultWatch


@delivered
def check_trade(message: Any) -> None:
    """Topic trade-signals: judges every pending trade of the account, in the order they were placed.

    All of them, because an earlier one whose message was lost must be judged before a later one takes its room.
    """
    event = event_of(message)
    if not isinstance(event, TradePlaced):
        raise BadInput("WRONG_EVENT", f"expected trade.placed, was {event.type}")
    Judge(ports("risk")).judge_pending(event.data.broker_account_id)


@delivered
def check_quoted(message: Any) -> None:
    """Topic market-data-options: an option has a new quote; judges what may have waited for it, on every account."""
    event = event_of(message)
    if not isinstance(event, OptionQuoted):
        raise BadInput("WRONG_EVENT", f"expected option_quote.updated, was {event.type}")
    Judge(ports("risk")).judge_pending(None)


@delivered
def check_pending(_message: Any) -> None:
    """Schedule: pending trades that no message brought here."""
    Judge(ports("risk")).judge_pending(None)


@answered
def preview_risk(request: Any) -> dict[str, Any]:
    """POST: evaluates an order, in the shape of `place_trade`, for whoever's token is sent. Places nothing."""
    reach = ports("risk")
    user = previewing_user(reach.settings, request.headers.get("authorization"))
    order = request.get_json(silent=True)
    if request.method != "POST" or not isinstance(order, dict):
        raise BadInput("BAD_REQUEST", "POST the order as one JSON object, as place_trade() takes it")
    return Previewer(reach).preview(user, order).shown()


@delivered
def flatten_halted(message: Any) -> None:
    """Topic trade-controls: a halt was engaged; closes what it asks to be closed."""
    event = event_of(message)
    if not isinstance(event, HaltChanged):
        raise BadInput("WRONG_EVENT", f"expected halt.engaged, was {event.type}")
    Flattener(ports("risk")).continue_halts()


@delivered
def flatten_deactivated(message: Any) -> None:
    """Topic strategy-events: a strategy was stopped; closes what is to be closed of it."""
    event = event_of(message)
    if not isinstance(event, StrategyChanged):
        raise BadInput("WRONG_EVENT", f"expected strategy.deactivated, was {event.type}")
    Flattener(ports("risk")).continue_halts()


@delivered
def sweep_halts(_message: Any) -> None:
    """Schedule: the next round of every halt and deactivation that flattens, until it is flat; late fills included."""
    Flattener(ports("risk")).continue_halts()


@delivered
def watch_on_quotes(message: Any) -> None:
    """Topic market-data-quotes: marks what is held and measures what its holders have won or lost."""
    event = event_of(message)
    if not isinstance(event, QuoteUpdated):
        raise BadInput("WRONG_EVENT", f"expected quote.updated, was {event.type}")
    ResultWatch(ports("risk")).on_quote(event.data)


@delivered
def watch_on_options(message: Any) -> None:
    """Topic market-data-options: the same for an option, which is marked already."""
    event = event_of(message)
    if not isinstance(event, OptionQuoted):
        raise BadInput("WRONG_EVENT", f"expected option_quote.updated, was {event.type}")
    ResultWatch(ports("risk")).on_option_quote(event.data)


@delivered
def watch_on_fills(message: Any) -> None:
    """Topic trade-events: something was filled; measures what its owner has won or lost, and what the account holds."""
    event = event_of(message)
    if not isinstance(event, TradeChanged):
        raise BadInput("WRONG_EVENT", f"expected trade.filled, was {event.type}")
    ResultWatch(ports("risk")).on_fill(event.data.broker_account_id, event.occurred_at)
    PortfolioWatch(ports("risk")).on_fill(event.data.broker_account_id, event.occurred_at)


@delivered
def watch_results(_message: Any) -> None:
    """Schedule: everybody's results, what no quote and no fill has brought, and the begin of a session day."""
    ResultWatch(ports("risk")).sweep()


@delivered
def watch_margin(_message: Any) -> None:
    """Schedule: how much of each account's equity keeps its positions, by the broker's newest word."""
    MarginWatch(ports("risk")).sweep()


@delivered
def watch_portfolio(_message: Any) -> None:
    """Schedule: how much of each account is in one symbol or sector, and its net greeks, at the latest marks."""
    PortfolioWatch(ports("risk")).sweep()


@delivered
def watch_expiry(_message: Any) -> None:
    """Schedule: options that end, and shares that came by assignment: told, and closed where a limit asks for it."""
    ExpiryDesk(ports("risk")).watch()


@delivered
def break_on_trades(message: Any) -> None:
    """Topic trade-events: an order was rejected, filled or lost sight of; measures the breakers that this moves."""
    event = event_of(message)
    if not isinstance(event, TradeChanged):
        raise BadInput("WRONG_EVENT", f"expected trade.rejected, trade.filled or trade.unknown, was {event.type}")
    Breakers(ports("risk")).on_trade(event.data.broker_account_id, event.occurred_at)


@delivered
def break_on_quotes(message: Any) -> None:
    """Topic market-data-quotes: measures how far the symbol has moved, where a breaker watches it."""
    event = event_of(message)
    if not isinstance(event, QuoteUpdated):
        raise BadInput("WRONG_EVENT", f"expected quote.updated, was {event.type}")
    Breakers(ports("risk")).on_quote(event.data)


@delivered
def sweep_breakers(_message: Any) -> None:
    """Schedule: every breaker, whatever no message brought; those that have no prices say so."""
    Breakers(ports("risk")).sweep()


@delivered
def watch_exits(message: Any) -> None:
    """Topic market-data-quotes: fires the exits that this quote reaches."""
    event = event_of(message)
    if not isinstance(event, QuoteUpdated):
        raise BadInput("WRONG_EVENT", f"expected quote.updated, was {event.type}")
    ExitWatch(ports("risk")).on_quote(event.data)


@delivered
def watch_option_exits(message: Any) -> None:
    """Topic market-data-options: the same, by the quote of an option."""
    event = event_of(message)
    if not isinstance(event, OptionQuoted):
        raise BadInput("WRONG_EVENT", f"expected option_quote.updated, was {event.type}")
    ExitWatch(ports("risk")).on_quote(event.data)


@delivered
def settle_exits(message: Any) -> None:
    """Topic trade-events: an order is over; ends the exits whose positions are gone, and goes on with the others.

    What was cancelled may have been the stop that a closing order waited for: that is judged now.
    """
    event = event_of(message)
    if not isinstance(event, TradeChanged):
        raise BadInput("WRONG_EVENT", f"expected trade.filled, was {event.type}")
    reach = ports("risk")
    ExitWatch(reach).settle(event.data.broker_account_id)
    if event.type == "trade.canceled":
        Judge(reach).judge_pending(event.data.broker_account_id)


@delivered
def sweep_exits(_message: Any) -> None:
    """Schedule: exits by time, quotes that no message brought here, and exits that nothing is heard of."""
    ExitWatch(ports("risk")).sweep()
