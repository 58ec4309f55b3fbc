"""Exercise, assignment and expiry, on request and by the calendar."""

from __future__ import annotations

from decimal import Decimal

import pytest

from local.simulators.venue.refusal import DeskRefusal
from tests.unit.venue.market import ALICE, CALL, NEXT_CALL, NEXT_PUT, PUT, Heard, leg, opened, order

ENDS_HIGH = [["100", "100", "104"], ["104", "104"]]
ENDS_LOW = [["100", "100", "96"], ["96", "96"]]


def to_close(venue: Heard) -> None:
    while venue.advance() != "close":
        pass


def rows(venue: Heard) -> list[tuple[str, str | None, Decimal | None, Decimal]]:
    return [(row.kind, row.symbol, row.quantity, row.amount) for row in venue.booked]


def test_long_call_when_it_ends_in_the_money_then_it_is_exercised_into_shares() -> None:
    venue, desk = opened(ENDS_HIGH)
    desk.submit(order("long", "2", leg(CALL, "buy", "open")))
    cash = desk.ledger.cash
    to_close(venue)
    assert rows(venue) == [
        ("exercise", CALL, Decimal(-2), Decimal(0)),
        ("delivery", "SPY", Decimal(200), Decimal(-20000)),
    ]
    assert desk.ledger.cash == cash - 20000
    assert {held.symbol: held.quantity for held in desk.ledger.positions()} == {"SPY": Decimal(200)}
    assert desk.ledger.position("SPY").average == 100


def test_short_put_when_it_ends_in_the_money_then_it_is_assigned() -> None:
    venue, desk = opened(ENDS_LOW)
    desk.submit(order("short", "1", leg(PUT, "sell", "open")))
    to_close(venue)
    assert rows(venue) == [
        ("assignment", PUT, Decimal(1), Decimal(0)),
        ("delivery", "SPY", Decimal(100), Decimal(-10000)),
    ]


def test_options_when_they_end_out_of_the_money_then_they_expire_and_orders_in_them_end() -> None:
    venue, desk = opened(ENDS_LOW)
    desk.submit(order("long", "3", leg(CALL, "buy", "open")))
    cash = desk.ledger.cash
    to_close(venue)
    assert rows(venue) == [("expiry", CALL, Decimal(-3), Decimal(0))]
    assert desk.ledger.cash == cash
    assert desk.ledger.positions() == []
    assert not desk.open_orders()


def test_long_call_when_told_not_to_exercise_then_it_expires() -> None:
    venue, desk = opened(ENDS_HIGH)
    desk.submit(order("long", "1", leg(CALL, "buy", "open")))
    venue.account(ALICE).settling.do_not_exercise(CALL)
    to_close(venue)
    assert rows(venue) == [("expiry", CALL, Decimal(-1), Decimal(0))]


def test_long_call_when_the_account_cannot_carry_the_shares_then_the_broker_sells_it() -> None:
    venue, desk = opened(ENDS_HIGH, cash="1000", multiplier=1)
    desk.submit(order("long", "1", leg(CALL, "buy", "open")))
    to_close(venue)
    assert venue.booked == []
    sold = desk.orders()[-1]
    assert (sold.state, sold.average, sold.side) == ("filled", Decimal(4), "sell")
    assert desk.ledger.positions() == []


@pytest.mark.parametrize(
    ("tape", "long", "short", "credit"),
    [
        (ENDS_HIGH, CALL, CALL.replace("C00100", "C00103"), "2.90"),
        (ENDS_LOW, PUT, PUT.replace("P00100", "P00097"), "2.90"),
    ],
)
def test_vertical_when_both_legs_end_in_the_money_then_a_small_account_gets_its_width_and_no_shares(
    tape: list[list[str]], long: str, short: str, credit: str
) -> None:
    venue, desk = opened(tape, cash="1000", multiplier=1)
    record = desk.submit(order("spread", "1", leg(long, "buy", "open"), leg(short, "sell", "open"), limit=credit))
    assert record.average is not None
    to_close(venue)
    assert [row.kind for row in venue.booked] == ["assignment", "delivery", "exercise", "delivery"]
    assert desk.ledger.positions() == []
    assert desk.ledger.cash == 1000 - record.average * 100 + 300


def test_activities_when_they_come_the_next_day_then_the_position_is_gone_and_the_row_is_not_shown() -> None:
    venue, desk = opened(ENDS_HIGH)
    desk.submit(order("long", "1", leg(CALL, "buy", "open")))
    venue.faults.switch_on({"switch": "activities_next_day"})
    to_close(venue)
    assert desk.ledger.position(CALL).quantity == 0
    assert [row.kind for row in desk.ledger.shown(venue.now())] == ["fill"]
    while venue.advance() != "open":
        pass
    assert [row.kind for row in desk.ledger.shown(venue.now())] == ["fill", "exercise", "delivery"]


def test_exercise_when_asked_for_then_it_happens_now_and_never_beyond_what_is_free() -> None:
    venue, desk = opened(ENDS_HIGH)
    settling = venue.account(ALICE).settling
    desk.submit(order("long", "2", leg(NEXT_CALL, "buy", "open")))
    desk.submit(order("out", "1", leg(NEXT_CALL, "sell", "close"), limit="90"))
    with pytest.raises(DeskRefusal) as refused:
        settling.exercise(NEXT_CALL, Decimal(2))
    assert refused.value.reason == "cannot_exercise"
    settling.exercise(NEXT_CALL, Decimal(1))
    assert desk.ledger.position("SPY").quantity == 100
    assert desk.ledger.position(NEXT_CALL).quantity == 1


def test_assignment_when_it_is_early_then_shares_move_at_the_strike() -> None:
    venue, desk = opened(ENDS_LOW)
    desk.submit(order("short", "2", leg(NEXT_PUT, "sell", "open")))
    venue.account(ALICE).settling.assign(NEXT_PUT, Decimal(1))
    assert desk.ledger.position(NEXT_PUT).quantity == -1
    assert desk.ledger.position("SPY").quantity == 100


def test_early_assignment_when_the_dice_say_so_then_the_same_seed_says_it_again() -> None:
    found = []
    for _ in range(2):
        venue, desk = opened(ENDS_LOW, early_assignment_percent=100)
        desk.submit(order("short", "1", leg(NEXT_PUT, "sell", "open")))
        to_close(venue)
        found.append(rows(venue))
    assert found[0] == found[1]
    assert found[0][0] == ("assignment", NEXT_PUT, Decimal(1), Decimal(0))


def test_last_half_hour_when_a_contract_expires_today_then_nothing_is_opened_in_it_and_closing_works() -> None:
    venue, desk = opened([["100"] * 390])
    desk.submit(order("long", "1", leg(CALL, "buy", "open")))
    while venue.minute_index < 361:
        venue.advance()
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("late", "1", leg(CALL, "buy", "open")))
    assert refused.value.reason == "expiring_contract"
    assert desk.submit(order("out", "1", leg(CALL, "sell", "close"))).state == "filled"


def test_chain_when_an_expiry_is_over_then_its_contracts_are_gone_and_the_others_stay() -> None:
    venue, _ = opened(ENDS_HIGH)
    before = venue.options.expiries()
    to_close(venue)
    assert venue.options.expiries() == before[1:]
    assert venue.options.view(CALL) is None
    assert venue.options.view(NEXT_CALL) is not None
