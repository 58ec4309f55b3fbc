"""From a pending trade to approved or rejected: the book, the quote, the rules, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast
from uuid import UUID

from functions.core.errors import BadInput, Final, Mistake, Temporary
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.hotstore.keys import quote_key
from functions.core.instruments import OptionRight
from functions.core.ledger.judging import BookAccount, BookLeg, BookQuote, RiskBook, RiskLedger, RuleVerdict
from functions.core.log import logger
from functions.core.market_calendar import Session
from functions.core.money import text
from functions.core.ports import Ports
from functions.risk.account import AccountFacts, BrokerMoney, BrokerRules
from functions.risk.assess import Assessment, assess
from functions.risk.book import (
    Book,
    Gate,
    Kind,
    Limit,
    Limits,
    Mark,
    OpenQuantity,
    OrderType,
    PositionIntent,
    ProposedLeg,
    ProposedOrder,
    Scope,
    Side,
)

_log = logger("risk")
_QUOTE_NEEDED = ("MISSING_QUOTE", "STALE_QUOTE")


class Judge:
    """Judges pending trades. Only the ledger's own re-check under lock makes an approval true."""

    def __init__(self, reach: Ports) -> None:
        self._reach = reach
        self._ledger = RiskLedger(reach.ledger)

    def judge_pending(self, account: UUID | None) -> int:
        """Judges what is pending, of one account or of all, in the order it was placed; returns how many.

        One that cannot be judged stays pending and does not hold up the others, exits least of all; the last such
        failure is raised when all had their turn.
        """
        waiting = self._ledger.pending_trades(account)
        failure: Final | None = None
        for trade in waiting:
            try:
                self._judge(trade.trade_id)
            except Final as error:
                _log.error("not judged", trade=str(trade.trade_id), code=error.code, reason=error.text)
                failure = error
            except Temporary:
                raise
            except Exception as error:  # noqa: BLE001 - a mistake that one order meets keeps no other from its verdict
                _log.error("a mistake of ours", trade=str(trade.trade_id), exc_info=error)
                failure = Mistake("PLATFORM_ERROR", f"the trade {trade.trade_id} met {type(error).__name__}")
        if failure is not None:
            raise failure
        return len(waiting)

    def _judge(self, trade_id: UUID) -> None:
        found = self._ledger.risk_book(trade_id)
        if found is None or found.trade.status != "pending":
            return
        if self._reach.clock.now() > found.trade.good_until:
            self._say(found, self._ledger.expire_trade(trade_id, self._reach.clock.now()), "TOO_LATE")
            return
        marks = {leg.symbol: mark for leg in found.legs if (mark := self._mark(found, leg)) is not None}
        try:
            order = _order(found)
        except BadInput as error:
            self._say(found, self._ledger.reject_trade(trade_id, [], f"{error.code}: {error.text}"), error.code)
            return
        assessment = assess(order, _book(found, marks), _limits(found))
        verdicts = _verdicts(assessment)
        if assessment.verdict.code in _QUOTE_NEEDED and any(leg.kind == "option" for leg in found.legs):
            # Options are quoted when somebody asks: the quote wakes us again, and good_until ends the waiting.
            _log.info("waits for a quote", trade=str(trade_id), refusal=assessment.verdict.text)
            return
        if assessment.verdict.outcome == "deny":
            refusal = assessment.verdict.text
            self._say(found, self._ledger.reject_trade(trade_id, verdicts, refusal), refusal)
            return
        reduced = assessment.quantity if assessment.quantity < order.quantity else None
        if reduced is not None and found.trade.replaces_trade_id is not None:
            # A smaller replacement would name another whole than was asked for; the order that works goes on as it is.
            refusal = f"REPLACEMENT_TOO_LARGE: may={text(reduced)} would={text(order.quantity)}"
            self._say(found, self._ledger.reject_trade(trade_id, verdicts, refusal), refusal)
            return
        prices = {symbol: mark.price for symbol, mark in marks.items()}
        status = self._ledger.approve_trade(trade_id, verdicts, prices, reduced)
        self._say(found, status, "")

    def _mark(self, found: RiskBook, leg: BookLeg) -> Mark | None:
        """The middle of the newest quote: the hot store's, else the stored one. None where there is none at all."""
        quote: QuoteData | OptionQuoteData | BookQuote | None = None
        shape = OptionQuoteData if leg.kind == "option" else QuoteData
        try:
            entry = self._reach.hot.get(quote_key(leg.symbol))
            quote = shape.model_validate(entry.value) if entry else None
        except Temporary as error:
            _log.warning("hot store down, using the stored quote", reason=str(error))
        stored = leg.quote
        if stored is not None and (quote is None or quote.quoted_at < stored.quoted_at):
            quote = stored
        # A delayed feed never prices a live order. It prices paper, which often has no better one.
        if quote is None or (quote.delay_seconds > 0 and not found.is_paper):
            return None
        return Mark((quote.bid + quote.ask) / 2, quote.quoted_at, leg.multiplier)

    @staticmethod
    def _say(found: RiskBook, status: str, refusal: str) -> None:
        _log.info("judged", trade=str(found.trade.id), symbol=found.trade.symbol, status=status, refusal=refusal)


def _order(found: RiskBook) -> ProposedOrder:
    trade = found.trade
    if trade.quantity is None or trade.worse_quantity is None:
        raise BadInput("NOTIONAL_NOT_JUDGED", "orders by notional are not supported yet; order a quantity")
    if len(found.legs) > 1 and not trade.multi_leg:
        raise BadInput(
            "MULTI_LEG_NOT_JUDGED", f"an order of {len(found.legs)} legs is not judged by its first; place them alone"
        )
    return ProposedOrder(
        symbol=trade.symbol,
        side=cast("Side", trade.side),
        quantity=trade.worse_quantity,
        event_time=trade.event_at,
        order_type=cast("OrderType", trade.order_type),
        limit_price=trade.price,
        stop_price=trade.stop_price,
        trail_price=trade.trail_price,
        trail_percent=trade.trail_percent,
        stop_loss_price=trade.planned_stop,
        reduce_only=trade.reduce_only,
        trades_around_the_clock=all(leg.kind == "crypto" for leg in found.legs),
        legs=tuple(_leg(leg, trade.worse_quantity) for leg in found.legs),
    )


def _leg(leg: BookLeg, units: Decimal) -> ProposedLeg:
    return ProposedLeg(
        symbol=leg.symbol,
        side=cast("Side", leg.side),
        position_intent=cast("PositionIntent", leg.position_intent),
        quantity=leg.ratio * units,
        ratio=leg.ratio,
        multiplier=leg.multiplier,
        kind=cast("Kind", leg.kind),
        underlying=leg.underlying,
        right=cast("OptionRight | None", leg.option_right),
        strike=leg.strike,
        expiry=leg.expires_on,
        shortable=leg.shortable,
    )


def _book(found: RiskBook, quoted: Mapping[str, Mark]) -> Book:
    exposures = {
        cast("Scope", scope): {row.symbol: OpenQuantity(row.position, row.to_buy, row.to_sell) for row in rows}
        for scope, rows in found.exposures.items()
    }
    multipliers = {row.symbol: row.multiplier for rows in found.exposures.values() for row in rows}
    money = found.account.money if found.account is not None else None
    if money is not None:
        multipliers = {row.symbol: row.multiplier for row in money.then} | multipliers
    marks = {
        symbol: Mark(row.mark, row.marked_at, multipliers.get(symbol, Decimal(1)))
        for symbol, row in ((money.marks if money is not None else {}) | found.marks).items()
    }
    # What is ordered is valued by its quote; a mark that waits for the next bar is not fresh enough for an order.
    for leg in found.legs:
        marks.pop(leg.symbol, None)
    return Book(
        exposures=exposures,
        marks=marks | dict(quoted),
        # No session within a week either way is a calendar that is missing, not a holiday.
        sessions=tuple(Session(row.date, row.opens_at, row.closes_at) for row in found.sessions) or None,
        closed_gates=tuple(Gate(_gate_scope(gate), gate) for gate in found.closed_gates),
        packages={cast("Scope", scope): tuple(packages) for scope, packages in found.packages.items()},
        account=None if found.account is None else _account(found.account),
    )


def _account(said: BookAccount) -> AccountFacts:
    rules, money = said.rules, said.money
    return AccountFacts(
        None if rules is None else BrokerRules(**dict(rules)),
        None
        if money is None
        else BrokerMoney(
            as_of=money.as_of,
            cash=money.cash,
            buying_power=money.buying_power,
            options_buying_power=money.options_buying_power,
            settled_cash=money.settled_cash,
            moved=money.moved,
            spent=money.spent,
            then={row.symbol: OpenQuantity(row.position, row.to_buy, row.to_sell) for row in money.then},
            packages_then=tuple(money.packages_then),
        ),
    )


def _gate_scope(gate: str) -> Scope:
    return cast("Scope", gate.split(":", 1)[0])


def _limits(found: RiskBook) -> Limits:
    # A limit of the account on one symbol is what the rules call the scope "symbol".
    return Limits(
        tuple(
            Limit(
                row.name,
                "symbol" if row.symbol and row.scope == "account" else cast("Scope", row.scope),
                row.value,
                row.symbol,
            )
            for row in found.limits
        )
    )


def _verdicts(assessment: Assessment) -> Sequence[RuleVerdict]:
    rows = []
    for decision in assessment.decisions:
        numbers = decision.verdict.shown()
        if decision.verdict.code is not None:
            numbers = {"code": decision.verdict.code, **numbers}
        if decision.verdict.to is not None:
            numbers = {"to": text(decision.verdict.to), **numbers}
        rows.append(RuleVerdict(rule=decision.code, verdict=decision.verdict.outcome, numbers=numbers))
    return rows
