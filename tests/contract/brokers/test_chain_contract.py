"""What a strategy chooses legs from, on every broker: days, strikes, a market, volatility, greeks and open interest."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from functions.brokers.markets import OptionContract, OptionQuote
from functions.core.market_calendar import exchange_date
from tests.contract.brokers.venue import Venue

WANTED, WITHIN = Decimal("0.16"), Decimal("0.03")
HORIZON = timedelta(days=45)


async def chain_until(venue: Venue, until: date) -> list[OptionContract]:
    found = await venue.market_data().option_chain("SPY", until=until)
    contracts = [one for one in found if isinstance(one, OptionContract)]
    assert len(contracts) == len(found)
    return contracts


async def quotes_of(venue: Venue, contracts: list[OptionContract]) -> dict[str, OptionQuote]:
    found = await venue.market_data().option_quotes([one.symbol for one in contracts])
    quotes = {one.symbol: one for one in found if isinstance(one, OptionQuote)}
    assert len(quotes) == len(found) == len(contracts)
    return quotes


async def test_chain_when_asked_up_to_a_day_then_todays_the_weeks_and_later_expiries_and_none_after(
    venue: Venue,
) -> None:
    today = exchange_date((await venue.market_data().clock()).now)
    found = await chain_until(venue, today + HORIZON)
    days = [(day - today).days for day in sorted({one.expiry for one in found})]
    assert days[0] == 0
    assert {1, 2, 3, 4, 7} <= set(days)
    assert 30 < days[-1] <= 45
    week = await chain_until(venue, today + timedelta(days=7))
    assert week == [one for one in found if one.expiry <= today + timedelta(days=7)]


async def test_chain_when_quoted_then_a_put_of_sixteen_deltas_is_found_for_today_and_for_six_weeks(
    venue: Venue,
) -> None:
    data = venue.market_data()
    today = exchange_date((await data.clock()).now)
    found = await chain_until(venue, today + HORIZON)
    for expiry in (found[0].expiry, found[-1].expiry):
        near = [one for one in found if one.expiry == expiry and abs(one.strike / 270 - 1) < Decimal("0.15")]
        quotes = await quotes_of(venue, near)
        for quote in quotes.values():
            assert quote.bid is not None
            assert quote.ask is not None
            assert 0 < quote.bid < quote.ask
            assert quote.bid_size
            assert quote.ask_size
            assert quote.implied_volatility is not None
            assert Decimal("0.05") < quote.implied_volatility < 1
            assert None not in (quote.delta, quote.gamma, quote.theta, quote.vega)
        puts = {one.strike: quotes[one.symbol].delta or Decimal(0) for one in near if one.right == "put"}
        assert min(abs(delta + WANTED) for delta in puts.values()) < WITHIN
        # The further a strike is above the price, the more a put moves with it.
        assert [puts[strike] for strike in sorted(puts)] == sorted(puts.values(), reverse=True)


async def test_chain_when_read_with_its_quotes_then_open_interest_is_told_by_one_of_them(venue: Venue) -> None:
    today = exchange_date((await venue.market_data().clock()).now)
    found = [one for one in await chain_until(venue, today + timedelta(days=4)) if abs(one.strike - 270) < 10]
    quotes = await quotes_of(venue, found)
    told = {one.symbol: (one.open_interest, quotes[one.symbol].open_interest) for one in found}
    # Alpaca lists it with the contract and says of which day; tastytrade tells it with the quote.
    place = {"alpaca": 0, "tastytrade": 1}[venue.name]
    assert all(each[place] is not None and each[1 - place] is None for each in told.values())
    assert max(each[place] or 0 for each in told.values()) > 1000
    on = {one.open_interest_on for one in found}
    assert on == ({today - timedelta(days=3)} if venue.name == "alpaca" else {None})


async def test_chain_when_listed_then_it_says_the_terms_that_the_broker_knows(venue: Venue) -> None:
    today = exchange_date((await venue.market_data().clock()).now)
    one = (await chain_until(venue, today))[0]
    listing = await venue.market_data().listing(one.symbol)
    assert listing is not None
    assert one.multiplier == listing.instrument.multiplier
    assert (one.style, one.ticks) == {
        "alpaca": ("american", None),
        "tastytrade": (None, listing.instrument.ticks),
    }[venue.name]
