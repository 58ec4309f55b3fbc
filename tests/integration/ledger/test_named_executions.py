"""A broker that numbers its executions: the number names them on every path, whatever the running total says."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.brokers.alpaca import AlpacaBroker
from tests.integration.ledger.desk import Desk, calling, fill_of, new_strategy, new_user
from tests.integration.ledger.ledger import THREADS, Ledger, refused

CALL, FAR = "SPY131019C00170000", "SPY131116C00175000"


@pytest.fixture(scope="module", autouse=True)
def _options(ledger: Ledger) -> None:
    for symbol in (CALL, FAR):
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """A trader at tastytrade."""
    return at_tastytrade(ledger)


def at_tastytrade(ledger: Ledger) -> Desk:
    user = new_user(ledger)
    account = ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id) "
        "values (%s, 'tastytrade', '5WT') returning id",
        user,
    )
    return Desk(ledger, user, account, new_strategy(ledger, user, account))


@pytest.mark.parametrize("broker", [AlpacaBroker])
def test_ledger_when_it_knows_how_a_broker_names_then_as_its_adapter_declares(ledger: Ledger, broker: Any) -> None:
    said = broker.capabilities
    assert ledger.rows(
        "select private.names_executions(%s), private.takes_an_id_once(%s)", said.broker, said.broker
    ) == [(said.fills_named_by == "execution_id", said.deduplicates)]


def test_fills_when_two_have_one_running_total_then_both_count(desk: Desk) -> None:
    """The broker listed them in another order than it had told them in, so each got the other's total."""
    trade, order = desk.working()
    assert desk.fill(order, "40", "10", "100", external_id="fill-1")["counted"]
    assert desk.fill(order, "60", "11", "100", external_id="fill-2")["counted"]
    assert (desk.position(), desk.status(trade)) == (100, "filled")
    assert desk.count("reconciliation_breaks") == 0


def test_fill_when_told_on_two_paths_with_other_totals_then_one(desk: Desk) -> None:
    _, order = desk.working()
    first = desk.fill(order, "40", "10", "40", external_id="fill-1")
    again = desk.fill(order, "40", "10", "100", external_id="fill-1", source="activities")
    assert (first["counted"], again["counted"]) == (True, False)
    assert first["fill_id"] == again["fill_id"]
    assert desk.position() == 40


def test_fill_when_recorded_by_eight_at_once_then_counted_once(desk: Desk) -> None:
    _, order = desk.working()
    works = [
        calling(
            "record_fill",
            "fn_execute",
            p_account_id=desk.account,
            p_fill=fill_of(order, "100", "10", str(100 + n), external_id="fill-1"),
        )
        for n in range(THREADS)
    ]
    assert sum(answer["counted"] for answer in desk.ledger.at_once(*works)) == 1
    assert (desk.count("fills"), desk.position()) == (1, 100)


def test_fill_when_an_option_is_given_away_for_nothing_then_it_is_booked(desk: Desk) -> None:
    """What is worthless is sold at zero: refused, it would stay in the books for ever."""
    desk.fill("bought", "2", "1.50", external_id="fill-1", symbol=CALL)
    answer = desk.fill("sold", "2", "0", external_id="fill-2", symbol=CALL, side="sell")
    assert (answer["counted"], answer["status"], desk.position(CALL)) == (True, "filled", 0)
    assert desk.ledger.rows(
        "select filled_quantity, fill_price from public.trades where id = %s", answer["trade_id"]
    ) == [(2, 0)]
    book = "select realised_pnl from public.position_books where symbol = %s and user_id = %s"
    assert desk.ledger.one(book, CALL, desk.user) == -300
    assert desk.change("bust", "sold", corrects_external_id="fill-2", external_id="bust-1")["counted"]
    assert desk.position(CALL) == 2
    assert desk.ledger.one("select public.check_positions()") == {"ok": True, "findings": []}


def test_fill_when_it_has_no_number_then_refused_because_nothing_names_it(desk: Desk) -> None:
    _, order = desk.working()
    with refused("BAD_FILL", 422):
        desk.fill(order, "40", "10")


def test_fill_when_told_again_after_its_bust_then_it_stays_busted(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "40", "10", external_id="fill-1")
    assert desk.change("bust", order, corrects_external_id="fill-1", external_id="bust-1")["counted"]
    assert not desk.fill(order, "40", "10", external_id="fill-1", executed_at="2013-10-07T18:00Z")["counted"]
    assert desk.position() == 0


def test_order_when_over_and_a_numbered_fill_is_missing_then_it_works_until_that_has_come(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "40", "10", "100", external_id="fill-1")
    assert desk.update(order, "canceled", filled_quantity="60")["status"] == "partially_filled"
    desk.fill(order, "20", "10", "100", external_id="fill-2")
    assert desk.update(order, "canceled", filled_quantity="60")["status"] == "canceled"
    assert desk.status(trade) == "canceled"


def test_unrecorded_when_fills_are_numbered_then_asked_by_number(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "40", "10", "100", external_id="fill-1")
    told = [
        {"broker_order_id": order, "symbol": "SPY", "cumulative_quantity": "40", "external_id": "fill-1"},
        {"broker_order_id": order, "symbol": "SPY", "cumulative_quantity": "100", "external_id": "fill-2"},
    ]
    found = desk.ledger.call("unrecorded_fills", "fn_execute", p_account_id=desk.account, p_fills=told)
    assert [row["index"] for row in found] == [1]


def test_leg_when_two_paths_count_legs_differently_then_its_symbol_says_which(desk: Desk) -> None:
    outside: dict[str, Any] = {
        "order_type": "limit",
        "limit_price": "-0.55",
        "ordered_quantity": "2",
        "legs": [
            {"symbol": CALL, "side": "buy", "position_intent": "buy_to_open", "quantity": "2"},
            {"symbol": FAR, "side": "sell", "position_intent": "sell_to_open", "quantity": "4"},
        ],
    }
    first = desk.fill("order-1", "4", "1.00", symbol=FAR, side="sell", external_id="fill-1", leg=1, **outside)
    again = desk.fill("order-1", "4", "1.00", symbol=FAR, side="sell", external_id="fill-1", leg=0, source="activities")
    assert (first["counted"], again["counted"], first["status"]) == (True, False, "partially_filled")
    # The broker gives both legs of one execution the same number.
    assert desk.fill("order-1", "2", "1.50", symbol=CALL, external_id="fill-1", **outside)["status"] == "filled"
    assert (desk.position(FAR), desk.position(CALL)) == (-4, 2)
    assert desk.ledger.rows(
        "select multi_leg, price, quantity, fill_price from public.trades where user_id = %s", desk.user
    ) == [(True, Decimal("-0.55"), 2, Decimal("-0.5"))]


def test_leg_when_an_order_from_outside_turns_out_to_have_another_then_its_fill_is_not_lost(desk: Desk) -> None:
    desk.fill("order-1", "4", "1.00", symbol=FAR, side="sell", external_id="fill-1")
    assert desk.fill("order-1", "2", "1.50", symbol=CALL, external_id="fill-2", leg=1)["counted"]
    assert (desk.position(FAR), desk.position(CALL)) == (-4, 2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    quantities=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_fills_when_told_in_any_order_by_any_path_with_any_totals_then_each_counts_once(
    ledger: Ledger, quantities: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    desk = at_tastytrade(ledger)
    trade, order = desk.working(quantity=str(sum(quantities)))
    told = [
        (number, quantity, source)
        for number, quantity in enumerate(quantities)
        for source in chance.choices(["stream", "activities"], k=chance.randint(1, 3))
    ]
    chance.shuffle(told)
    counted = 0
    for number, quantity, source in told:
        total = chance.choice([quantity, sum(quantities), chance.randint(1, 99), 0])
        answer = desk.fill(order, str(quantity), "10", str(total), external_id=f"fill-{number}", source=source)
        counted += answer["counted"]
    assert (counted, desk.count("fills")) == (len(quantities), len(quantities))
    assert (desk.position(), desk.status(trade)) == (sum(quantities), "filled")
    assert desk.count("reconciliation_breaks") == 0
