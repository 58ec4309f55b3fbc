"""An option chain goes the whole way at every broker: needed, listed, quoted, recorded, read, and the same in a replay.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.markets import OptionContract
from functions.brokers.protocol import MarketData
from functions.core.events import BarData
from functions.core.ledger.chains import ChainLedger
from functions.core.ledger.deciding import StoredChain
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.chain_lists import ChainLists
from functions.ingest.chains import ChainTaker
from functions.ingest.options import OptionQuotes
from functions.strategy.chain import Chain
from functions.strategy.gathering import as_chain
from tests.integration.faults.market import Market
from tests.integration.ledger.desk import Desk, decision, found_valid, order_of
from tests.integration.ledger.ledger import Direct, Ledger
from tests.ledger_database import LedgerServer, ledger_server
from tests.unit.core.doubles import World

NEEDED = {"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.05"}


@pytest.fixture(scope="module")
def server() -> Iterator[LedgerServer]:
    with ledger_server() as running:
        yield running


async def newest_bar(market: Market) -> BarData:
    data = market.market_data()
    now = (await data.clock()).now
    bars = [bar for bar in await data.bars("SPY", now.replace(hour=0), now) if isinstance(bar, BarData)]
    await data.aclose()
    return bars[-1]


async def taken(ledger: Ledger, market: Market) -> dict[str, Any]:
    """What a strategy reads after a bar, taken as `snapshot_chains` and `sync_option_chains` take it."""
    market.begin()
    market.move(5)
    made, data = World(), market.market_data()
    made.clock.at = market.now()
    transport = Direct(ledger, "fn_ingest")
    reach, calls = replace(made.ports, ledger=transport), ChainLedger(transport)
    await sync_calendar(MarketDataLedger(transport), data)
    desk = Desk.open(ledger)
    found_valid(ledger, desk.strategy, chains=[NEEDED])
    far = await ordered_far_away(desk, reach, data)
    assert await ChainLists(reach, calls, data).bring_all(calls.chains_to_list(market.now())) == 1
    assert calls.chains_to_list(market.now()) == []
    bar = await newest_bar(market)
    windows = await asyncio.to_thread(calls.chains_needed, "SPY", "1Min")
    in_hand = await asyncio.to_thread(calls.contracts_in_hand, "SPY", exchange_date(bar.ends_at))
    assert [one.symbol for one in in_hand] == [far]
    stored = await ChainTaker(reach, calls, data).take(bar, windows, in_hand)
    assert stored is not None
    assert await ChainTaker(reach, calls, data).take(bar, windows, in_hand) == stored
    await data.aclose()
    assert ledger.one("select count(*) from public.option_chain_snapshots") == 1
    assert ledger.one("select asked from public.option_chain_snapshots") == stored.contracts > 100
    assert ledger.one("select dropped from public.option_chain_snapshots") == {}
    found: dict[str, Any] = ledger.call("chain_at", "fn_strategy", p_underlying="SPY", p_bar_at=bar.ends_at.isoformat())
    assert Decimal(found["spot"]) == bar.close
    assert abs(as_strategies_see_it(found).quote(far).strike - bar.close) > Decimal("0.05") * bar.close
    return found


async def ordered_far_away(desk: Desk, reach: Ports, data: MarketData) -> str:
    """The strategy has an order in a contract from which the price has moved away; `quote_open_options` lists it."""
    listed = [one for one in await data.option_chain("SPY") if isinstance(one, OptionContract)]
    far = max((one for one in listed if one.right == "put"), key=lambda one: (one.strike, one.symbol)).symbol
    await asyncio.to_thread(desk.decide, decision(desk.strategy, order_of("buy", "1", symbol=far)))
    quotes = MarketDataLedger(reach.ledger)
    needed = await asyncio.to_thread(quotes.options_needed, reach.clock.now())
    assert await OptionQuotes(reach, quotes, data).refresh(needed) == 1
    return far


def as_strategies_see_it(found: dict[str, Any]) -> Chain:
    return as_chain(StoredChain.model_validate(found))


@pytest.mark.parametrize("name", ["alpaca", "tastytrade"])
async def test_chain_when_a_strategy_needs_it_then_taken_once_and_the_same_in_a_replay(
    name: str, request: pytest.FixtureRequest, server: LedgerServer
) -> None:
    market: Market = request.getfixturevalue(name)
    chains = []
    for _ in range(2):
        with server.clone() as dsn:
            ledger = Ledger(dsn)
            try:
                chains.append(await taken(ledger, market))
            finally:
                ledger.close()
    assert chains[0]["delay_seconds"] == 900
    assert chains[0]["quotes"] == chains[1]["quotes"]

    chain = as_strategies_see_it(chains[0])
    today = exchange_date(chain.bar_at)
    for days in (0, 7):
        expiry = chain.expiry_near(days, 0, 7)
        put = chain.by_delta(expiry, "put", Decimal("0.16"), Decimal("0.05"))
        assert put.bid > 0
        assert put.implied_volatility
        assert put.open_interest is not None
    assert chain.expiries(0, 7)[0] == today
