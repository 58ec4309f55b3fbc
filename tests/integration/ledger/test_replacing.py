"""A replacement is a new trade; the old one ends only by the broker's word, and together they count at the worse."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, claim_of, fill_of
from tests.integration.ledger.ledger import THREADS, Ledger, answers, refused


def change_of(key: str = "change", **change: Any) -> dict[str, Any]:
    return {"idempotency_key": key} | (change or {"price": "11"})


def ask(desk: Desk, old: UUID, key: str = "change", **change: Any) -> UUID:
    """A pending replacement."""
    answer = desk.ledger.call(
        "request_replace", "authenticated", desk.user, p_trade_id=old, p_change=change_of(key, **change)
    )
    return UUID(answer["trade_id"])


def at_limit(desk: Desk, quantity: str = "100", **more: Any) -> tuple[UUID, str]:
    """A limit order that works at the broker."""
    return desk.working("buy", quantity, order_type="limit", price="10", **more)


@dataclass
class Replacing:
    """An order whose replacement is on its way to the broker."""

    old: UUID
    order: str
    new: UUID
    claimed: dict[str, Any]


def replacing(desk: Desk, filled: str | None = None, lease: float = 30, **change: Any) -> Replacing:
    old, order = at_limit(desk)
    if filled:
        desk.fill(order, filled, "10")
    new = ask(desk, old, f"change of {old}", **change)
    assert desk.approve(new) == "approved"
    claimed = desk.ledger.call("claim_trade", "fn_execute", **claim_of(new) | {"p_lease_seconds": lease})
    assert claimed["claimed"]
    return Replacing(old, order, new, claimed)


def open_quantity(desk: Desk) -> Decimal | int:
    """What counts as still to fill on the account."""
    return Decimal(
        desk.ledger.one("select private.working_quantity(%s, 'SPY', 'buy')", desk.account)  # one side is enough here
    )


# --- asking -----------------------------------------------------------------------------------------------------------


def test_replace_when_asked_then_a_pending_trade_of_the_same_order_through_the_same_risk(desk: Desk) -> None:
    old, _ = at_limit(desk)
    new = ask(desk, old, quantity="150", price="10.5")
    same = "symbol, side, order_type, strategy_id, strategy_version, source, broker_account_id, reduce_only"
    rows = desk.ledger.rows(f"select {same} from public.trades where id = any(%s)", [old, new])  # noqa: S608
    assert rows[0] == rows[1]
    assert desk.ledger.rows(
        "select replaces_trade_id, quantity, price, status from public.trades where id = %s", new
    ) == [(old, 150, Decimal("10.5"), "pending")]
    assert desk.status(old) == "submitted"
    desk.set_limit("position_limit", "149")
    assert desk.approve(new) == "rejected"
    assert desk.status(old) == "submitted"


def test_replace_when_asked_twice_or_by_eight_then_one_trade(desk: Desk) -> None:
    old, _ = at_limit(desk)
    said = {"p_trade_id": old, "p_change": change_of(price="11")}
    found = desk.ledger.at_once(*[calling("request_replace", "authenticated", desk.user, **said)] * THREADS)
    assert len({answer["trade_id"] for answer in found}) == 1
    assert desk.count("trades") == 2
    with refused("SIGNAL_REUSED", 409):
        ask(desk, old, price="12")


def test_replace_when_asked_by_eight_with_keys_of_their_own_then_one_is_live(desk: Desk) -> None:
    old, _ = at_limit(desk)
    works = [
        calling("request_replace", "authenticated", desk.user, p_trade_id=old, p_change=change_of(f"{n}", price="11"))
        for n in range(THREADS)
    ]
    assert sorted(desk.ledger.at_once(*answers(works))) == ["REPLACE_IN_PROGRESS"] * (THREADS - 1) + ["done"]
    with refused("NOT_REPLACEABLE", 409):
        replaced_by_hand(desk, old, status="submitting")


def replaced_by_hand(desk: Desk, old: UUID, status: str) -> None:
    """What a bug or a slip in the Studio could write: a second replacement, or one of an order that does not work."""
    desk.ledger.tamper("update public.trades set status = %s where id = %s", status, old)
    desk.ledger.run(
        "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("
        "'id', gen_random_uuid(), 'status', 'pending', 'signal', 'x', 'client_order_id', 'x', 'broker_order_id', null,"
        "'placed_number', 0, 'replaces_trade_id', id))).* from public.trades as t where id = %s",
        old,
    )


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"symbol": "IWM"}, "NOT_CHANGEABLE", 422),
        ({"side": "sell"}, "NOT_CHANGEABLE", 422),
        ({"replaces_trade_id": "x"}, "NOT_CHANGEABLE", 422),
        ({"quantity": "40"}, "QUANTITY_IS_FILLED", 422),
        ({"quantity": "100"}, "NOTHING_CHANGED", 422),
        ({"quantity": "many"}, "BAD_CHANGE", 422),
        ({"quantity": "100.5"}, "OFF_LOT", 422),
        ({"price": "10.001"}, "OFF_TICK", 422),
        ({"price": "-1"}, "BAD_ORDER", 422),
        ({"stop_price": "9"}, "BAD_ORDER", 422),
        ({"trail_percent": "1"}, "BAD_ORDER", 422),
        ({"time_in_force": "forever"}, "BAD_TIME_IN_FORCE", 422),
        ({"time_in_force": "cls"}, "BAD_TIME_IN_FORCE", 422),
        ({"idempotency_key": ""}, "IDEMPOTENCY_KEY_NEEDED", 422),
    ],
)
def test_replace_when_the_change_makes_no_order_then_refused_and_nothing_written(
    desk: Desk, change: dict[str, Any], code: str, status: int
) -> None:
    old, order = at_limit(desk)
    desk.fill(order, "40", "10")
    with refused(code, status):
        ask(desk, old, **({"key": ""} if "idempotency_key" in change else change))
    assert desk.count("trades") == 1


def test_replace_when_the_order_does_not_work_then_refused(desk: Desk) -> None:
    pending = desk.place(order_type="limit", price="10")
    over, order = at_limit(desk)
    desk.update(order, "canceled")
    going, _ = at_limit(desk)
    desk.ledger.call("request_cancel", "fn_risk", p_trade_id=going, p_reason="enough")
    for trade in (pending, over, going):
        with refused("NOT_REPLACEABLE", 409):
            ask(desk, trade)


def test_replace_when_of_somebody_else_then_not_found(ledger: Ledger) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    old, _ = at_limit(here)
    with refused("NO_SUCH_TRADE", 404):
        ask(there, old)


def test_replace_when_the_gate_is_closed_then_only_an_exit_is_replaced(desk: Desk) -> None:
    desk.hold("100")
    entry, _ = at_limit(desk)
    leaving, _ = desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="12")
    desk.ledger.call("close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="x")
    with refused("GATE_CLOSED", 409):
        ask(desk, entry)
    assert desk.approve(ask(desk, leaving, price="11")) == "approved"


# --- at the broker ----------------------------------------------------------------------------------------------------


def test_replace_when_claimed_then_the_old_one_is_being_replaced_and_the_sender_knows_its_order(desk: Desk) -> None:
    found = replacing(desk)
    assert found.claimed["replaces_broker_order_id"] == found.order
    assert (desk.status(found.old), desk.status(found.new)) == ("replace_pending", "submitting")


def test_replace_when_the_broker_accepts_then_the_old_one_ends_by_its_word_alone(desk: Desk) -> None:
    found = replacing(desk)
    desk.submit(found.new, f"new-{found.new}")
    assert (desk.status(found.old), desk.status(found.new)) == ("replace_pending", "submitted")
    # An update that was on its way before the replacement says nothing of it.
    desk.update(found.order, "submitted")
    assert desk.status(found.old) == "replace_pending"
    desk.update(found.order, "replaced")
    assert (desk.status(found.old), desk.status(found.new)) == ("replaced", "submitted")


def test_replace_when_the_new_one_fills_then_it_took_the_place(desk: Desk) -> None:
    found = replacing(desk)
    desk.submit(found.new, f"new-{found.new}")
    desk.fill(f"new-{found.new}", "30", "11")
    assert (desk.status(found.old), desk.status(found.new)) == ("replaced", "partially_filled")


@pytest.mark.parametrize(("filled", "back"), [(None, "submitted"), ("40", "partially_filled")])
@pytest.mark.parametrize("how", ["refused", "refused later", "never arrived"])
def test_replace_when_it_fails_then_the_old_one_works_on(desk: Desk, filled: str | None, back: str, how: str) -> None:
    found = replacing(desk, filled)
    match how:
        case "refused":
            assert desk.attempted(found.new, "rejected") == "rejected"
        case "refused later":
            desk.submit(found.new, f"new-{found.new}")
            desk.update(f"new-{found.new}", "rejected")
        case "never arrived":
            assert desk.attempted(found.new, "not_placed") == "expired"
    assert desk.status(found.old) == back
    again = ask(desk, found.old, "again", price="12")
    assert desk.approve(again) == "approved"


def test_replace_when_the_broker_says_that_the_old_one_works_and_nothing_replaces_it_then_it_does(desk: Desk) -> None:
    found = replacing(desk)
    desk.submit(found.new, f"new-{found.new}")
    desk.update(f"new-{found.new}", "canceled")
    assert desk.status(found.old) == "replace_pending"
    desk.update(found.order, "submitted")
    assert desk.status(found.old) == "submitted"


@pytest.mark.parametrize("end", ["filled", "canceled", "expired", "rejected"])
@pytest.mark.parametrize("approved", [False, True])
def test_replace_when_the_old_one_ends_first_then_the_unsent_one_is_canceled(
    desk: Desk, end: str, approved: bool
) -> None:
    old, order = at_limit(desk)
    new = ask(desk, old)
    if approved:
        desk.approve(new)
    if end == "filled":
        desk.fill(order, "100", "10")
    else:
        desk.update(order, end)
    assert desk.status(new) == "canceled"
    refusal = desk.ledger.one("select refusal from public.trades where id = %s", new)
    assert refusal == f"ORDER_IS_OVER: order={old} status={end}"
    assert not desk.claim(new)["claimed"]


def test_replace_when_the_old_one_fills_while_it_is_sent_then_the_brokers_refusal_ends_it(desk: Desk) -> None:
    found = replacing(desk)
    desk.fill(found.order, "100", "10")
    assert (desk.status(found.old), desk.status(found.new)) == ("filled", "submitting")
    desk.attempted(found.new, "rejected")
    assert (desk.status(found.old), desk.status(found.new)) == ("filled", "rejected")
    assert desk.position() == 100


def test_replace_when_nothing_would_be_left_then_not_sent(desk: Desk) -> None:
    old, order = at_limit(desk)
    new = ask(desk, old, quantity="50")
    desk.approve(new)
    desk.fill(order, "60", "10")
    assert desk.claim(new)["status"] == "canceled"
    assert desk.ledger.one("select refusal from public.trades where id = %s", new).startswith("NOTHING_LEFT: ")
    assert desk.status(old) == "partially_filled"


def test_replace_when_the_outcome_is_unknown_then_found_or_sent_again_only_while_the_old_one_waits(desk: Desk) -> None:
    found = replacing(desk, lease=-1)
    resolve = {"p_owner": "a test", "p_lease_seconds": 30, "p_account_id": desk.account}
    (order,) = desk.ledger.call("claim_unresolved", "fn_execute", **resolve)
    assert (order["trade_id"], order["replaces_broker_order_id"]) == (str(found.new), found.order)
    assert (desk.status(found.old), desk.status(found.new)) == ("replace_pending", "unknown")
    resend = {"p_trade_id": found.new, "p_attempt": order["attempt"], "p_now": NOON}
    again = desk.ledger.call("claim_resend", "fn_execute", **resend)["order"]
    assert again["replaces_broker_order_id"] == found.order
    assert desk.attempted(found.new, "unknown", again["attempt"]) == "unknown"
    (order,) = desk.ledger.call("claim_unresolved", "fn_execute", **resolve)
    resend["p_attempt"] = order["attempt"]
    desk.update(found.order, "canceled")
    answer = desk.ledger.call("claim_resend", "fn_execute", **resend)
    assert answer["refusal"].startswith("ORDER_IS_OVER: ")
    assert desk.attempted(found.new, "not_placed", order["attempt"]) == "expired"
    assert desk.status(found.old) == "canceled"


# --- fills ------------------------------------------------------------------------------------------------------------


def test_fill_when_it_comes_after_the_replacement_then_counted_and_part_of_the_whole(desk: Desk) -> None:
    found = replacing(desk, "40", quantity="120")
    desk.submit(found.new, f"new-{found.new}")
    desk.update(found.order, "replaced")
    assert open_quantity(desk) == 80
    # The broker made the new order for 70: it knew of ten more, which it tells only now.
    desk.fill(f"new-{found.new}", "70", "11")
    assert desk.status(found.new) == "partially_filled"
    desk.fill(found.order, "10", "10", "50")
    assert (desk.status(found.old), desk.status(found.new)) == ("replaced", "filled")
    assert (desk.position(), open_quantity(desk)) == (120, 0)
    assert desk.ledger.one("select filled_quantity from public.trades where id = %s", found.old) == 50
    closed = "select closed from public.trading_gates where gate_key = %s"
    assert not desk.ledger.one(closed, f"account:{desk.account}")


@pytest.mark.parametrize("end", ["canceled", "expired"])
def test_replacement_when_it_ended_with_fills_that_have_not_come_then_those_of_the_old_one_do_not_stand_for_them(
    desk: Desk, end: str
) -> None:
    found = replacing(desk, "50")
    desk.submit(found.new, f"new-{found.new}")
    desk.update(found.order, "replaced", filled_quantity="50")
    desk.update(f"new-{found.new}", end, filled_quantity="30")
    # Its own thirty are still to come: it counts as working, all that it may have filled.
    assert (desk.status(found.new), open_quantity(desk)) == ("submitted", 50)
    desk.fill(f"new-{found.new}", "30", "11")
    desk.update(f"new-{found.new}", end, filled_quantity="30")
    assert (desk.status(found.new), desk.position(), open_quantity(desk)) == (end, 80, 0)


def test_fill_when_the_whole_is_exceeded_across_the_replacement_then_recorded_and_halted(desk: Desk) -> None:
    found = replacing(desk, "40", quantity="120")
    desk.submit(found.new, f"new-{found.new}")
    desk.update(found.order, "replaced")
    desk.fill(f"new-{found.new}", "81", "11")
    assert (desk.position(), desk.status(found.new)) == (121, "filled")
    closed = "select closed from public.trading_gates where gate_key = %s"
    assert desk.ledger.one(closed, f"account:{desk.account}")


def test_fills_when_a_chain_of_replacements_fills_then_the_whole_is_the_last_ones(desk: Desk) -> None:
    first = replacing(desk, "10")
    desk.submit(first.new, "second")
    desk.update(first.order, "replaced")
    desk.fill("second", "20", "11")
    third = ask(desk, first.new, "third", quantity="90")
    desk.approve(third)
    assert desk.claim(third)["replaces_broker_order_id"] == "second"
    desk.submit(third, "third")
    desk.update("second", "replaced")
    assert open_quantity(desk) == 60
    desk.fill("third", "55", "11")
    assert desk.status(third) == "partially_filled"
    desk.fill(first.order, "5", "10", "15")
    assert (desk.status(third), desk.position(), open_quantity(desk)) == ("filled", 90, 0)


# --- exposure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "filled", "worse"), [("150", None, 150), ("60", None, 100), ("150", "40", 110)])
def test_exposure_when_both_are_live_then_the_worse_of_the_two_counts_once(
    desk: Desk, quantity: str, filled: str | None, worse: int
) -> None:
    found = replacing(desk, filled, quantity=quantity)
    assert open_quantity(desk) == worse
    desk.submit(found.new, f"new-{found.new}")
    assert open_quantity(desk) == worse
    desk.update(found.order, "replaced")
    assert open_quantity(desk) == int(quantity) - int(filled or 0)


def test_limit_when_a_replacement_is_on_its_way_then_no_order_fits_into_its_room(desk: Desk) -> None:
    desk.set_limit("position_limit", "150")
    old, _ = at_limit(desk)
    other = desk.place(quantity="50")
    new = ask(desk, old, quantity="101")
    assert desk.approve(new) == "approved"
    assert desk.approve(other) == "rejected"
    assert desk.approve(desk.place(quantity="49")) == "approved"


def test_exit_when_replaced_then_it_needs_no_second_position(desk: Desk) -> None:
    desk.hold("100")
    old, order = desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="12")
    new = ask(desk, old, price="11")
    assert desk.approve(new) == "approved"
    assert desk.claim(new)["claimed"]
    desk.submit(new, f"new-{new}")
    assert not desk.ledger.one(
        "select private.reduces(t) from public.trades as t where id = %s", desk.place_exit("sell", "1")
    )
    desk.update(order, "replaced")
    desk.fill(f"new-{new}", "100", "11", side="sell")
    assert (desk.position(), desk.status(new)) == (0, "filled")


# --- cancels ----------------------------------------------------------------------------------------------------------


def test_cancel_when_the_replacement_was_not_sent_then_both_end(desk: Desk) -> None:
    old, _ = at_limit(desk)
    new = ask(desk, old)
    desk.approve(new)
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=old, p_reason="enough")
    assert (desk.status(old), desk.status(new)) == ("cancel_pending", "canceled")


def test_cancel_when_of_an_unsent_replacement_then_the_order_works_on(desk: Desk) -> None:
    old, _ = at_limit(desk)
    new = ask(desk, old)
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=new, p_reason="enough")
    assert (desk.status(old), desk.status(new)) == ("submitted", "canceled")


@pytest.mark.parametrize("accepted", [True, False])
def test_cancel_when_the_replacement_is_on_its_way_then_whichever_lives_is_cancelled(
    desk: Desk, accepted: bool
) -> None:
    found = replacing(desk)
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=found.old, p_reason="enough")
    assert (desk.status(found.old), desk.status(found.new)) == ("replace_pending", "submitting")
    if accepted:
        desk.submit(found.new, f"new-{found.new}")
        desk.update(found.order, "replaced")
        assert (desk.status(found.old), desk.status(found.new)) == ("replaced", "cancel_pending")
    else:
        desk.attempted(found.new, "rejected")
        assert (desk.status(found.old), desk.status(found.new)) == ("cancel_pending", "rejected")


def test_replacements_when_claimed_filled_cancelled_and_answered_at_once_then_no_deadlock_and_nothing_doubled(
    desk: Desk,
) -> None:
    for number in range(8):
        old, order = at_limit(desk, "10")
        new = ask(desk, old, f"race {number}", quantity="20")
        desk.approve(new)
        fill = {"p_account_id": desk.account}
        works = [
            calling("claim_trade", "fn_execute", **claim_of(new)),
            calling("record_fill", "fn_execute", **fill, p_fill=fill_of(order, "10", "10")),
            calling("request_cancel", "authenticated", desk.user, p_trade_id=old, p_reason="x"),
            calling("request_cancel", "fn_risk", p_trade_id=new, p_reason="x"),
        ]
        assert set(desk.ledger.at_once(*answers(works))) == {"done"}
        assert desk.status(old) == "filled"
        if desk.status(new) == "submitting":
            desk.attempted(new, "rejected")
        assert desk.status(new) in ("canceled", "rejected")
    assert (desk.position(), open_quantity(desk)) == (80, 0)
