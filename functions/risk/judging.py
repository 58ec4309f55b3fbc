"""From a pending trade to approved or rejected: the book, the quote, the rules, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from functions.core.errors import BadInput, Final, Mistake, Temporary, Unavailable
from functions.core.ledger.exits import ExitLedger
from functions.core.ledger.judging import PendingTrade, RiskBook, RiskLedger, RuleVerdict
from functions.core.log import logger
from functions.core.money import text
from functions.core.ports import Ports
from functions.risk.assess import Assessment, assess
from functions.risk.book import Mark
from functions.risk.pricing import Pricing, waits_for_quote
from functions.risk.reading import book_of, limits_of, order_of

_log = logger("risk")
MARKS = "MARKS"
"""Under this name the record keeps what the ordered symbols were worth."""
# Each time another order of the same person was approved meanwhile. Under steady orders the next sweep tries again.
_MOST_ROUNDS = 20


class Judge:
    """Judges pending trades. Only the ledger's own re-check under lock makes an approval true."""

    def __init__(self, reach: Ports) -> None:
        self._reach = reach
        self._ledger = RiskLedger(reach.ledger)
        self._exits = ExitLedger(reach.ledger)
        self._pricing = Pricing(reach)

    def judge_pending(self, account: UUID | None) -> int:
        """Judges what is pending, of one account or of all, in the order it was placed; returns how many.

        One that cannot be judged stays pending and does not hold up the others, exits least of all; the last such
        failure is raised when all had their turn.
        """
        waiting = self._ledger.pending_trades(account)
        failure: Final | None = None
        for trade in waiting:
            try:
                if self._has_room(trade):
                    self._judge(trade.trade_id, None if trade.waits_for_exit is not None else trade.book)
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

    def _has_room(self, trade: PendingTrade) -> bool:
        """False while the stop that an exit has resting at the broker is still giving way: it is judged after that."""
        if trade.waits_for_exit is None:
            return True
        done = self._exits.rest_exit(trade.waits_for_exit, self._reach.clock.now())
        _log.info("waits for a resting stop", trade=str(trade.trade_id), step=done.step, resting=done.resting)
        return done.step == "place" or not done.resting

    def _judge(self, trade_id: UUID, answer: Any) -> None:
        """Judges by a book, and again by a newer one where an order was approved or a limit set since it was read.

        So every rule holds under concurrency, not only those that the ledger reckons once more itself.
        """
        for _ in range(_MOST_ROUNDS):
            found = self._ledger.risk_book(trade_id, answer)
            if found is None or found.trade.status != "pending" or self._judged(found):
                return
            answer = None
        raise Unavailable("JUDGED_TOO_OFTEN", f"other orders were approved {_MOST_ROUNDS} times while it was judged")

    def _judged(self, found: RiskBook) -> bool:
        """False where the book has moved under it: judge it by a newer one."""
        trade_id = found.trade.id
        if self._reach.clock.now() > found.trade.good_until:
            self._say(found, self._ledger.expire_trade(trade_id, self._reach.clock.now()), "TOO_LATE")
            return True
        quotes = self._pricing.quotes(found)
        try:
            order = order_of(found)
        except BadInput as error:
            self._say(found, self._ledger.reject_trade(trade_id, [], f"{error.code}: {error.text}"), error.code)
            return True
        assessment = assess(order, book_of(found, quotes), limits_of(found))
        verdicts = [*verdicts_of(assessment), marks_seen({symbol: quote.mark for symbol, quote in quotes.items()})]
        if waits_for_quote(found, assessment):
            _log.info("waits for a quote", trade=str(trade_id), refusal=assessment.verdict.text)
            return True
        if assessment.verdict.outcome == "deny":
            refusal = assessment.verdict.text
            self._say(found, self._ledger.reject_trade(trade_id, verdicts, refusal), refusal)
            return True
        reduced = assessment.quantity if assessment.quantity < order.quantity else None
        if reduced is not None and found.trade.replaces_trade_id is not None:
            # A smaller replacement would name another whole than was asked for; the order that works goes on as it is.
            refusal = f"REPLACEMENT_TOO_LARGE: may={text(reduced)} would={text(order.quantity)}"
            self._say(found, self._ledger.reject_trade(trade_id, verdicts, refusal), refusal)
            return True
        prices = {symbol: quote.middle for symbol, quote in quotes.items()}
        approval = self._ledger.approve_trade(trade_id, verdicts, prices, reduced, found.seen)
        if approval.judge_again:
            return False
        self._say(found, approval.status, "")
        return True

    @staticmethod
    def _say(found: RiskBook, status: str, refusal: str) -> None:
        _log.info("judged", trade=str(found.trade.id), symbol=found.trade.symbol, status=status, refusal=refusal)


def marks_seen(marks: Mapping[str, Mark]) -> RuleVerdict:
    """What the ordered symbols were worth when they were judged: what slippage is measured against."""
    return RuleVerdict(
        rule=MARKS, verdict="allow", numbers={symbol: text(mark.price) for symbol, mark in marks.items()}
    )


def verdicts_of(assessment: Assessment) -> Sequence[RuleVerdict]:
    """Every rule's verdict with its numbers, as it is kept on record."""
    rows = []
    for decision in assessment.decisions:
        numbers = decision.verdict.shown()
        if decision.verdict.code is not None:
            numbers = {"code": decision.verdict.code, **numbers}
        if decision.verdict.to is not None:
            numbers = {"to": text(decision.verdict.to), **numbers}
        rows.append(RuleVerdict(rule=decision.code, verdict=decision.verdict.outcome, numbers=numbers))
    return rows
