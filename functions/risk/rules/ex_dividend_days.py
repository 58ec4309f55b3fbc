"""Nothing is sold short shortly before a dividend is owed."""

from __future__ import annotations

from functions.core.market_calendar import exchange_date
from functions.risk.book import NOTHING_OPEN, Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule


@rule(
    code="EX_DIVIDEND_DAYS",
    unit="days before the ex-dividend date",
    scopes=ALL_SCOPES,
    tighter="higher",
    source="ex_dividend_dates",
    denials=("MISSING_EX_DIVIDEND_DATES", "MISSING_EXPOSURE"),
)
def ex_dividend_days(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No call and no share is sold short in so many days before the next ex-dividend date.

    Who is short a share when that day begins owes the dividend; short calls are exercised the day before. A call that
    expires before the date is not asked, nor is a sale of what is held. A share of which no such date is on record,
    past or ahead, is denied, unless `blackout_dates` says that it pays none. A higher limit is the stricter one.
    """
    seen = ALLOWED
    dates = None if book.market is None else book.market.dates
    known = {} if dates is None else dates.days_to_ex_dividend
    today = None
    for leg in order.legs:
        if leg.side == "buy" or leg.closes or leg.right == "put":
            continue
        limit = limits.strictest("ex_dividend_days", leg.symbol, leg.underlying)
        if limit is None:
            continue
        account = book.exposure("account")
        if account is None:
            return deny("MISSING_EXPOSURE", scope="account")
        if account.get(leg.symbol, NOTHING_OPEN).with_leg(leg).toward("sell") == 0:
            continue
        symbol = leg.underlying or leg.symbol
        if symbol not in known:
            return deny("MISSING_EX_DIVIDEND_DATES", symbol=symbol, ex_dividend="not known")
        days = known[symbol]
        if days is None or days > limit.value:
            seen = allow(
                days_to_ex_dividend="none ahead" if days is None else days, limit=limit.value, scope=limit.scope
            )
            continue
        today = today or exchange_date(order.event_time)
        if leg.expiry is not None and (leg.expiry - today).days < days:
            continue
        return deny("EX_DIVIDEND_DAYS", symbol=symbol, days_to_ex_dividend=days, limit=limit.value, scope=limit.scope)
    return seen
