"""What the ordered symbols are worth: each one's newest quote, and whether an order waits for one."""

from __future__ import annotations

from datetime import UTC

from functions.core.errors import Temporary
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.hotstore.keys import quote_key
from functions.core.ledger.judging import BookLeg, BookQuote, RiskBook
from functions.core.log import logger
from functions.core.ports import Ports
from functions.risk.assess import Assessment
from functions.risk.facts.market import Quote

_log = logger("risk")
_QUOTE_NEEDED = ("MISSING_QUOTE", "STALE_QUOTE")


class Pricing:
    """Reads the hot store, and falls back to what is stored."""

    def __init__(self, reach: Ports) -> None:
        self._hot = reach.hot

    def quotes(self, found: RiskBook) -> dict[str, Quote]:
        """The quote of each symbol that is ordered and has one that may price it."""
        return {leg.symbol: quote for leg in found.legs if (quote := self._quote(found, leg)) is not None}

    def _quote(self, found: RiskBook, leg: BookLeg) -> Quote | None:
        """The newest quote: the hot store's, else the stored one. None where there is none at all."""
        quote: QuoteData | OptionQuoteData | BookQuote | None = None
        shape = OptionQuoteData if leg.kind == "option" else QuoteData
        try:
            entry = self._hot.get(quote_key(leg.symbol))
            quote = shape.model_validate(entry.value) if entry else None
        except Temporary as error:
            _log.warning("hot store down, using the stored quote", reason=str(error))
        stored = leg.quote
        if stored is not None and (quote is None or quote.quoted_at < stored.quoted_at):
            quote = stored
        # A delayed feed never prices a live order. It prices paper, which often has no better one.
        if quote is None or (quote.delay_seconds > 0 and not found.is_paper):
            return None
        quoted_at = quote.quoted_at.astimezone(UTC)
        return Quote(quote.bid, quote.ask, quote.bid_size, quote.ask_size, quoted_at, leg.multiplier)


def waits_for_quote(found: RiskBook, assessment: Assessment) -> bool:
    """Options are quoted when somebody asks: the quote wakes risk again, and good_until ends the waiting."""
    return assessment.verdict.code in _QUOTE_NEEDED and any(leg.kind == "option" for leg in found.legs)
