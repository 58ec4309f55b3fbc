"""What-if: an order evaluated as it would be, without placing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from functions.core.errors import BadInput, Unavailable
from functions.core.ledger.judging import RiskBook, RuleVerdict
from functions.core.ledger.previewing import PlacingRefusal, PreviewLedger
from functions.core.money import text
from functions.core.ports import Ports
from functions.risk.advice import advice
from functions.risk.assess import assess
from functions.risk.book import Mark
from functions.risk.judging import verdicts_of
from functions.risk.pricing import Pricing, waits_for_quote
from functions.risk.reading import book_of, limits_of, order_of
from functions.risk.rules.gate import gate

Step = Literal["placing", "rules", "recheck"]
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of an order. `verdict` is allow, reduce, deny or wait: an option waits for its quote.

    `step` is where it would end: at its placing, by the rules, or at the ledger's re-check under lock. `quantity` is
    what would be sent, 0 where nothing would be.
    """

    verdict: Literal["allow", "reduce", "deny", "wait"]
    step: Step
    at: datetime
    text: str = ""
    code: str | None = None
    do: str = ""
    ordered: Decimal | None = None
    quantity: Decimal = Decimal(0)
    rules: Sequence[RuleVerdict] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """As JSON: amounts as text."""
        return {
            "verdict": self.verdict,
            "step": self.step,
            "code": self.code,
            "text": self.text,
            "do": self.do,
            "at": self.at.isoformat(),
            "ordered": None if self.ordered is None else text(self.ordered),
            "quantity": text(self.quantity),
            "marks": {
                symbol: {"price": text(mark.price), "quoted_at": mark.quoted_at.isoformat()}
                for symbol, mark in self.marks.items()
            },
            "rules": [rule.model_dump(mode="json") for rule in self.rules],
        }


class Previewer:
    """Evaluates orders by the judge's own code: the book, the marks, the rules, the re-check."""

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = PreviewLedger(reach.ledger)
        self._pricing = Pricing(reach)

    def preview(self, user: UUID, order: Mapping[str, Any]) -> Preview:
        """An order as `place_trade` takes it, timed by the clock. Nothing of it remains in the ledger.

        Judged again where other orders of the user were approved meanwhile, as a placed one is.
        """
        at = self._clock.now()
        for _ in range(_MOST_ROUNDS):
            found = self._once(user, order, at)
            if found is not None:
                return found
        raise Unavailable("JUDGED_TOO_OFTEN", f"other orders were approved {_MOST_ROUNDS} times while it was judged")

    def _once(self, user: UUID, order: Mapping[str, Any], at: datetime) -> Preview | None:
        """None where the book has moved under it."""
        placed = self._ledger.preview(user, order, at)
        if placed.book is None:
            return _not_placed(placed.refused, at)
        book = placed.book
        quotes = self._pricing.quotes(book)
        try:
            proposed = order_of(book)
        except BadInput as error:
            return Preview("deny", "rules", at, f"{error.code}: {error.text}", error.code, advice(error.code))
        assessment = assess(proposed, book_of(book, quotes), limits_of(book))
        said = assessment.verdict
        seen = Preview(
            "deny",
            "rules",
            at,
            said.text,
            said.code,
            ordered=proposed.quantity,
            rules=verdicts_of(assessment),
            marks={symbol: quote.mark for symbol, quote in quotes.items()},
        )
        if said.outcome != "deny" or said.code is None:
            return self._rechecked(user, order, book, seen, assessment.quantity)
        if waits_for_quote(book, assessment):
            do = "It would wait for a quote of its options until its time is over, and then expire."
            return replace(seen, verdict="wait", do=do)
        return replace(seen, do=advice(said.code))

    def _rechecked(
        self, user: UUID, order: Mapping[str, Any], book: RiskBook, seen: Preview, quantity: Decimal
    ) -> Preview | None:
        """What the rules allow, as the ledger's re-check takes it; None where the book has moved."""
        reduced = quantity if quantity != seen.ordered else None
        prices = {symbol: mark.price for symbol, mark in seen.marks.items()}
        again = self._ledger.recheck(user, order, seen.at, seen.rules, prices, reduced, book.seen)
        if again.approval is None:
            return _not_placed(again.refused, seen.at)
        if again.approval.judge_again:
            return None
        refusal = again.approval.refusal
        if refusal is not None:
            code = str(refusal["code"])
            numbers = " ".join(f"{name}={value}" for name, value in refusal.items() if name != "code")
            return replace(seen, step="recheck", text=f"{code}: {numbers}", code=code, do=advice(code))
        return replace(seen, verdict="allow" if reduced is None else "reduce", step="recheck", quantity=quantity)


def _not_placed(refused: PlacingRefusal | None, at: datetime) -> Preview:
    if refused is None:
        raise Unavailable("LEDGER_UNAVAILABLE", "preview_book answered neither a book nor a refusal")
    # What a rule would refuse as well has its advice; the rest says itself what is wrong with the order.
    do = advice(refused.code) if refused.code == gate.code else refused.hint
    return Preview("deny", "placing", at, refused.text, refused.code, do)
