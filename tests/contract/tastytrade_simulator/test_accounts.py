"""OAuth and the account's bodies, read by the SDK's own models."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tastytrade import Account
from tastytrade.order import InstrumentType, OrderAction
from tastytrade.utils import TastytradeError

from tests.contract.tastytrade_simulator.running import ALICE, BOB, Running, limit, market


async def test_session_when_the_grant_is_known_then_the_sdk_reads_its_account_alone(opened: Running) -> None:
    async with opened.session() as session:
        accounts = await Account.get(session)
        assert [account.account_number for account in accounts] == [ALICE]
        assert accounts[0].margin_or_cash == "Margin"
        assert await session.validate()
        with pytest.raises(TastytradeError, match="not_permitted"):
            await Account.get(session, BOB)


async def test_session_when_the_secret_is_wrong_then_the_grant_is_refused(opened: Running) -> None:
    async with opened.session() as session:
        session.provider_secret = "wrong"
        with pytest.raises(TastytradeError, match="invalid_grant"):
            await Account.get(session)


async def test_session_when_the_grant_reads_only_then_it_sees_and_does_not_trade(opened: Running) -> None:
    async with opened.account("reader") as (session, account):
        assert (await account.get_balances(session)).cash_balance == 100_000
        with pytest.raises(TastytradeError, match="not_permitted"):
            await account.place_order(session, market(1), dry_run=False)


async def test_expire_tokens_when_switched_on_then_a_token_that_is_out_is_refused_until_it_is_renewed(
    opened: Running,
) -> None:
    async with opened.account() as (session, account):
        opened.fault("expire_tokens", 0)
        with pytest.raises(TastytradeError, match="token_invalid"):
            await account.get_balances(session)
        await session.refresh(force=True)
        await account.get_balances(session)


async def test_short_tokens_when_switched_on_then_the_session_renews_before_every_call(opened: Running) -> None:
    opened.fault("short_tokens", 1, seconds=30)
    async with opened.session() as session:
        await Account.get(session)
        first = session.session_token
        await Account.get(session)
        assert session.session_token != first
        second = session.session_token
        await Account.get(session)
        assert session.session_token == second


async def test_balances_when_something_was_bought_then_cash_moved_into_shares(opened: Running) -> None:
    async with opened.account() as (session, account):
        before = await account.get_balances(session)
        assert before.cash_balance == before.net_liquidating_value == 100_000
        assert before.equity_buying_power == 200_000
        await account.place_order(session, market(10), dry_run=False)
        after = await account.get_balances(session)
        assert after.long_equity_value > 0
        assert after.cash_balance < 100_000
        assert after.derivative_buying_power < before.derivative_buying_power
        status = await account.get_trading_status(session)
        assert not status.is_closing_only
        report = await account.get_margin_requirements(session)
        assert report.margin_requirement < 0
        assert (await account.get_balance_snapshots(session))[0].account_number == ALICE


async def test_positions_when_shares_are_held_long_and_short_then_quantity_has_no_sign(opened: Running) -> None:
    async with opened.account() as (session, account):
        assert await account.get_positions(session) == []
        await account.place_order(session, market(3, OrderAction.SELL_TO_OPEN), dry_run=False)
        (short,) = await account.get_positions(session, include_marks=True)
        assert (str(short.quantity), short.quantity_direction, str(short.multiplier)) == ("3", "Short", "1")
        assert short.mark_price is not None
        assert await account.get_positions(session, instrument_type=InstrumentType.EQUITY_OPTION) == []


async def test_history_when_there_is_more_than_a_page_then_the_sdk_reads_them_all(opened: Running) -> None:
    async with opened.account() as (session, account):
        for _ in range(5):
            await account.place_order(session, market(1), dry_run=False)
        opened.fault("small_pages", -1, rows=2)
        everything = await account.get_history(session, page_offset=None)
        assert len({row.id for row in everything}) == 5
        assert all(row.transaction_type == "Trade" and row.value < 0 for row in everything)
        assert len(await account.get_history(session)) == 2
        assert await account.get_history(session, types=["Money Movement"]) == []
        assert (await account.get_transaction(session, everything[0].id)).order_id == everything[0].order_id
        assert (await account.get_total_fees(session)).total_fees <= 0
        orders = await account.get_order_history(session, page_offset=None)
        assert len(orders) == 5


async def test_dry_run_when_a_limit_order_is_asked_then_its_effect_on_buying_power_is_told(opened: Running) -> None:
    async with opened.account() as (session, account):
        answer = await account.place_order(session, limit(10, "-250.00"))
        effect = answer.buying_power_effect
        assert effect.isolated_order_margin_requirement == Decimal(-1250)
        assert effect.new_buying_power == effect.current_buying_power + effect.change_in_buying_power
        assert await account.get_live_orders(session) == []
