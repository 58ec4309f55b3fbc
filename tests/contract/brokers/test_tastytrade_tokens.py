"""Access tokens of tastytrade from one adapter to the next."""

from __future__ import annotations

from typing import Any

from functions.brokers.access_tokens import AccessTokens
from functions.brokers.tastytrade import TastytradeBroker
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.core.hotstore import HotStore
from tests.contract.brokers.tastytrade_login import login
from tests.contract.brokers.tastytrade_venue import NUMBERS, TastytradeVenue
from tests.contract.brokers.venue import order
from tests.unit.brokers.test_rate_budget import CountedStore


def broker_of(venue: TastytradeVenue, hot: HotStore, name: str = "alice") -> TastytradeBroker:
    return TastytradeBroker(
        login(name),
        venue.settings(),
        account_number=NUMBERS[name],
        is_paper=True,
        tokens=AccessTokens(hot, login(name), is_paper=True),
    )


def sign_ins(venue: TastytradeVenue) -> int:
    return venue.sent("POST", "/oauth/token")


async def test_tokens_when_an_adapter_is_made_anew_then_it_goes_on_with_the_token_there_is(
    tastytrade: TastytradeVenue,
) -> None:
    tastytrade.open()
    hot: Any = CountedStore()
    first = broker_of(tastytrade, hot)
    await first.submit(order("one"))
    await first.aclose()
    second = broker_of(tastytrade, hot)
    await second.submit(order("two"))
    data = TastytradeMarketData(
        login("alice"), tastytrade.settings(), is_paper=True, tokens=AccessTokens(hot, login("alice"), is_paper=True)
    )
    assert (await data.clock()).is_open
    assert sign_ins(tastytrade) == 1
    # Another login has a token of its own.
    await broker_of(tastytrade, hot, "bob").positions()
    assert sign_ins(tastytrade) == 2


async def test_tokens_when_the_one_there_is_has_ended_then_a_fresh_one_is_taken_and_shared(
    tastytrade: TastytradeVenue,
) -> None:
    tastytrade.open()
    hot: Any = CountedStore()
    await broker_of(tastytrade, hot).positions()
    tastytrade.fault("expire_tokens", 0)
    second = broker_of(tastytrade, hot)
    assert await second.positions() == []
    assert sign_ins(tastytrade) == 2
    assert await broker_of(tastytrade, hot).positions() == []
    assert sign_ins(tastytrade) == 2


async def test_tokens_when_nothing_is_shared_then_every_adapter_signs_in(tastytrade: TastytradeVenue) -> None:
    for _ in range(2):
        await tastytrade.broker().positions()
    assert sign_ins(tastytrade) == 2
