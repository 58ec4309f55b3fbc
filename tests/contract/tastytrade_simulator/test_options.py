"""Options: chains and quotes, orders of one and of several legs, groups, and what expiry leaves behind."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tastytrade import DXLinkStreamer
from tastytrade.dxfeed import Greeks, Quote, TheoPrice, Underlying
from tastytrade.instruments import NestedOptionChain, Option, get_option_chain
from tastytrade.market_data import get_market_data_by_type
from tastytrade.order import (
    InstrumentType,
    Leg,
    LimitOrder,
    OCOOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    OTOCOOrder,
    StopOrder,
)
from tastytrade.utils import TastytradeError

from tests.contract.tastytrade_simulator.running import WITHIN_SECONDS, Running, limit, market, share

OPEN, WRITE = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_OPEN


async def contracts(running: Running) -> list[Option]:
    """The calls of the first expiration, by strike."""
    async with running.session() as session:
        chain = await get_option_chain(session, "SPY")
    first = chain[min(chain)]
    return sorted((one for one in first if one.option_type == "C"), key=lambda one: one.strike_price)


def leg(option: Option, action: OrderAction, quantity: int = 1) -> Leg:
    return Leg(instrument_type=InstrumentType.EQUITY_OPTION, symbol=option.symbol, action=action, quantity=quantity)


def ordered(price: str, *legs: Leg) -> LimitOrder:
    return LimitOrder(time_in_force=OrderTimeInForce.DAY, legs=list(legs), price=Decimal(price))


async def test_chain_when_it_is_asked_flat_and_nested_then_both_name_the_same_contracts(opened: Running) -> None:
    async with opened.session() as session:
        flat = await get_option_chain(session, "SPY")
        (nested,) = await NestedOptionChain.get(session, "SPY")
        assert [one.expiration_date for one in nested.expirations] == sorted(flat)
        named = {strike.call for one in nested.expirations for strike in one.strikes}
        assert named == {one.symbol for rows in flat.values() for one in rows if one.option_type == "C"}
        one = flat[min(flat)][0]
        assert (await Option.get(session, one.symbol)).streamer_symbol == one.streamer_symbol
        (data,) = await get_market_data_by_type(session, options=[one.symbol])
        assert data.symbol == one.symbol


async def test_stream_when_options_are_subscribed_then_quotes_and_greeks_follow_the_underlying(opened: Running) -> None:
    option = (await contracts(opened))[20]
    async with opened.session() as session, DXLinkStreamer(session) as streamer, asyncio.timeout(WITHIN_SECONDS):
        for kind in (Quote, Greeks, TheoPrice):
            await streamer.subscribe(kind, [option.streamer_symbol])
            assert (await streamer.get_event(kind)).event_symbol == option.streamer_symbol
        await streamer.subscribe(Underlying, ["SPY"])
        assert (await streamer.get_event(Underlying)).volatility > 0
        await asyncio.to_thread(opened.advance)
        assert (await streamer.get_event(Greeks)).event_symbol == option.streamer_symbol


async def test_vertical_when_it_is_bought_then_both_legs_fill_and_the_first_makes_it_filled(opened: Running) -> None:
    rows = await contracts(opened)
    low, high = rows[len(rows) // 2], rows[len(rows) // 2 + 5]
    async with opened.account() as (session, account):
        tried = await account.place_order(session, ordered("-5.00", leg(low, OPEN), leg(high, WRITE)))
        assert tried.buying_power_effect.is_spread
        placed = await account.place_order(session, ordered("-5.00", leg(low, OPEN), leg(high, WRITE)), dry_run=False)
        order = await account.get_order(session, placed.order.id)
        assert order.status is OrderStatus.FILLED
        assert [str(one.remaining_quantity) for one in order.legs] == ["0", "0"]
        assert {one.quantity_direction for one in await account.get_positions(session)} == {"Long", "Short"}
        assert {row.leg_count for row in await account.get_history(session)} == {2}


async def test_leg_by_leg_when_on_then_the_order_is_filled_before_its_second_leg_is(opened: Running) -> None:
    rows = await contracts(opened)
    low, high = rows[len(rows) // 2], rows[len(rows) // 2 + 5]
    opened.fault("leg_by_leg")
    async with opened.account() as (session, account):
        placed = await account.place_order(session, ordered("-5.00", leg(low, OPEN), leg(high, WRITE)), dry_run=False)
        first = await account.get_order(session, placed.order.id)
        assert first.status is OrderStatus.FILLED
        assert [len(one.fills or []) for one in first.legs] == [1, 0]
        opened.advance()
        later = await account.get_order(session, placed.order.id)
        assert [len(one.fills or []) for one in later.legs] == [1, 1]


async def test_otoco_when_its_trigger_fills_then_the_pair_works_and_one_ends_the_other(opened: Running) -> None:
    close = OrderAction.SELL_TO_CLOSE
    order = OTOCOOrder(
        trigger_order=market(1),
        take_profit=limit(1, "900.00", close),
        stop_loss=StopOrder(time_in_force=OrderTimeInForce.DAY, legs=[share(1, close)], stop_trigger=Decimal(1)),
    )
    async with opened.account() as (session, account):
        await account.place_complex_order(session, order)
        placed = (await account.place_complex_order(session, order, dry_run=False)).complex_order
        assert [one.status for one in placed.orders] == [OrderStatus.CONTINGENT] * 2
        assert placed.take_profit.complex_order_tag == "OTOCO::oco-1-order"
        found = await account.get_complex_order(session, placed.id)
        assert found.trigger_order is not None
        assert found.trigger_order.status is OrderStatus.FILLED
        assert [one.status for one in found.orders] == [OrderStatus.LIVE] * 2
        await account.delete_complex_order(session, placed.id)
        (ended,) = await account.get_live_complex_orders(session)
        assert ended.terminal_at is not None
        with pytest.raises(TastytradeError, match="cannot_update_order"):
            await account.delete_complex_order(session, placed.id)


async def test_oco_when_shares_are_held_then_both_orders_close_the_same_ones(opened: Running) -> None:
    close = OrderAction.SELL_TO_CLOSE
    order = OCOOrder(
        take_profit=limit(1, "900.00", close),
        stop_loss=StopOrder(time_in_force=OrderTimeInForce.GTC, legs=[share(1, close)], stop_trigger=Decimal(1)),
    )
    async with opened.account() as (session, account):
        await account.place_order(session, market(1), dry_run=False)
        placed = (await account.place_complex_order(session, order, dry_run=False)).complex_order
        found = await account.get_complex_order(session, placed.id)
        assert [one.status for one in found.orders] == [OrderStatus.LIVE] * 2


async def test_expiry_when_a_call_ends_in_the_money_then_shares_are_delivered_for_it(opened: Running) -> None:
    option = (await contracts(opened))[0]
    async with opened.account() as (session, account):
        await account.place_order(session, ordered("-200.00", leg(option, OPEN)), dry_run=False)
        opened.advance(391)
        rows = {row.transaction_sub_type: row for row in await account.get_history(session, type="Receive Deliver")}
        assert rows["Exercise"].symbol == option.symbol
        assert rows["Buy to Open"].value == -100 * option.strike_price
        (position,) = await account.get_positions(session)
        assert (position.symbol, str(position.quantity)) == ("SPY", "100")
