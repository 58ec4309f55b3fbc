"""Orders from submit to end, as the SDK's models read them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tastytrade.order import (
    AdvancedInstructions,
    NotionalOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    StopLimitOrder,
    StopOrder,
)
from tastytrade.utils import TastytradeError

from tests.contract.tastytrade_simulator.running import ALICE, Running, limit, market, share

BUY, SELL = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_CLOSE


async def test_market_order_when_the_market_is_open_then_it_is_routed_and_filled(opened: Running) -> None:
    async with opened.account() as (session, account):
        answer = await account.place_order(session, market(2, name="cid-1"), dry_run=False)
        assert answer.order.status is OrderStatus.ROUTED
        assert (answer.warnings, answer.order.external_identifier) == ([], "cid-1")
        order = await account.get_order(session, answer.order.id)
        assert order.status is OrderStatus.FILLED
        assert order.average_fill_price() > 0
        assert order.legs[0].remaining_quantity == 0
        assert order.terminal_at is not None
        assert [live.id for live in await account.get_live_orders(session)] == [order.id]


async def test_limit_order_when_it_waits_then_it_is_live_and_can_be_cancelled(opened: Running) -> None:
    async with opened.account() as (session, account):
        answer = await account.place_order(session, limit(2, "-200.00"), dry_run=False)
        order = await account.get_order(session, answer.order.id)
        assert (order.status, order.cancellable, order.price) == (OrderStatus.LIVE, True, Decimal(-200))
        assert (
            opened.raw("DELETE", f"/accounts/{ALICE}/orders/{order.id}").json()["data"]["status"] == "Cancel Requested"
        )
        assert (await account.get_order(session, order.id)).status is OrderStatus.CANCELLED
        with pytest.raises(TastytradeError, match="cannot_update_order"):
            await account.delete_order(session, order.id)


async def test_replace_when_the_order_is_live_then_the_successor_takes_its_place(opened: Running) -> None:
    async with opened.account() as (session, account):
        old = (await account.place_order(session, limit(2, "-200.00", name="a"), dry_run=False)).order
        changed = await account.replace_order(session, old.id, limit(2, "-210.00", name="b"))
        assert (changed.status, changed.replaces_order_id) == (OrderStatus.CONTINGENT, old.id)
        ended, works = await account.get_order(session, old.id), await account.get_order(session, changed.id)
        assert (ended.status, ended.edited, ended.replacing_order_id) == (OrderStatus.CANCELLED, True, works.id)
        assert (works.status, works.price, works.external_identifier) == (OrderStatus.LIVE, Decimal(-210), "b")


async def test_submit_when_the_identifier_repeats_then_both_orders_are_taken(opened: Running) -> None:
    async with opened.account() as (session, account):
        first = await account.place_order(session, limit(1, "-200.00", name="twice"), dry_run=False)
        second = await account.place_order(session, limit(1, "-200.00", name="twice"), dry_run=False)
        assert first.order.id != second.order.id
        assert [order.external_identifier for order in await account.get_live_orders(session)] == ["twice", "twice"]


async def test_close_when_there_is_no_position_then_it_opens_one_with_a_warning_unless_strict(opened: Running) -> None:
    strict = market(1, SELL)
    strict.advanced_instructions = AdvancedInstructions(strict_position_effect_validation=True)
    async with opened.account() as (session, account):
        with pytest.raises(TastytradeError, match="closing_with_no_position"):
            await account.place_order(session, strict, dry_run=False)
        answer = await account.place_order(session, market(1, SELL), dry_run=False)
        assert [warning.code for warning in answer.warnings or []] == ["closing_with_no_position"]
        assert answer.order.legs[0].action is OrderAction.SELL_TO_OPEN
        (position,) = await account.get_positions(session)
        assert position.quantity_direction == "Short"


async def test_close_when_it_is_for_more_than_is_held_or_twice_then_it_is_refused(opened: Running) -> None:
    async with opened.account() as (session, account):
        await account.place_order(session, market(2), dry_run=False)
        with pytest.raises(TastytradeError, match="cannot_close_against_more_than_existing_position"):
            await account.place_order(session, market(3, SELL), dry_run=False)
        await account.place_order(session, limit(2, "400.00", SELL), dry_run=False)
        with pytest.raises(TastytradeError, match="already have a closing order"):
            await account.place_order(session, limit(1, "401.00", SELL), dry_run=False)
        with pytest.raises(TastytradeError, match="cannot_open_against_existing_position"):
            await account.place_order(session, market(1, OrderAction.SELL_TO_OPEN), dry_run=False)


async def test_rules_when_an_order_breaks_one_then_it_is_refused_with_its_code(opened: Running) -> None:
    gtc = market(1)
    gtc.time_in_force = OrderTimeInForce.GTC
    stop = StopOrder(time_in_force=OrderTimeInForce.GTC, legs=[share(1)], stop_trigger=Decimal(400))
    two = limit(1, "-200.00")
    two.legs = [share(1), share(1, symbol="NOPE")]
    async with opened.account() as (session, account):
        for order, code in (
            (limit(1, "200.00"), "cant_buy_for_credit"),
            (gtc, "gtc_market_orders_not_supported"),
            (stop, "gtc_opening_stop_orders_not_supported"),
            (limit(10_000, "-280.00"), "margin_check_failed"),
            (market(1, name="x").model_copy(update={"legs": [share(1, symbol="NOPE")]}), "instrument_not_found"),
        ):
            with pytest.raises(TastytradeError, match=code):
                await account.place_order(session, order, dry_run=False)
        with pytest.raises(TastytradeError, match="equity_orders_one_leg_only"):
            await account.place_order(session, two, dry_run=False)


async def test_price_when_it_is_off_the_tick_then_the_dry_run_takes_it_and_the_submit_does_not(opened: Running) -> None:
    async with opened.account() as (session, account):
        await account.place_order(session, limit(1, "-200.001"))
        with pytest.raises(TastytradeError, match="invalid_price_increment"):
            await account.place_order(session, limit(1, "-200.001"), dry_run=False)


async def test_order_when_the_market_is_closed_then_it_is_received_and_works_at_the_open(tastytrade: Running) -> None:
    async with tastytrade.account() as (session, account):
        with pytest.raises(TastytradeError, match="opening_market_orders_while_closed"):
            await account.place_order(session, market(1), dry_run=False)
        answer = await account.place_order(session, limit(1, "-200.00"), dry_run=False)
        assert answer.order.status is OrderStatus.RECEIVED
        assert [warning.code for warning in answer.warnings or []] == ["tif.next_valid_session"]
        tastytrade.advance(2)
        assert (await account.get_order(session, answer.order.id)).status is OrderStatus.LIVE
        tastytrade.advance(390)
        assert (await account.get_order(session, answer.order.id)).status is OrderStatus.EXPIRED


async def test_other_types_when_they_are_sent_then_the_sdk_reads_what_they_became(opened: Running) -> None:
    stop_limit = StopLimitOrder(
        time_in_force=OrderTimeInForce.DAY, legs=[share(1)], price=Decimal("-400.5"), stop_trigger=Decimal(400)
    )
    notional = NotionalOrder(time_in_force=OrderTimeInForce.DAY, legs=[share(None)], value=Decimal(-100))
    async with opened.account() as (session, account):
        placed = await account.place_order(session, stop_limit, dry_run=False)
        assert (placed.order.stop_trigger, placed.order.price) == (Decimal(400), Decimal("-400.5"))
        bought = await account.place_order(session, notional, dry_run=False)
        assert bought.order.value == -100
        order = await account.get_order(session, bought.order.id)
        assert order.status is OrderStatus.FILLED
        assert 0 < (order.legs[0].quantity or 0) < 1


async def test_history_when_statuses_are_asked_then_only_those_come(opened: Running) -> None:
    async with opened.account() as (session, account):
        await account.place_order(session, market(1), dry_run=False)
        await account.place_order(session, limit(1, "-200.00"), dry_run=False)
        live = await account.get_order_history(session, statuses=[OrderStatus.LIVE])
        assert [order.status for order in live] == [OrderStatus.LIVE]
