"""The broker is the witness: every fill is recorded, each once, whatever the path and the hour."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, calling, fill_of
from tests.integration.ledger.ledger import THREADS, Ledger, refused


def _alerts(desk: Desk) -> list[str]:
    return [code for (code,) in desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user)]


def test_fill_when_seen_on_stream_and_in_activities_then_one_fill_with_two_names(desk: Desk) -> None:
    trade, order = desk.working()
    first = desk.fill(order, "100", "10.5", external_id="execution-1")
    again = desk.fill(order, "100", "10.5", source="activities", external_id="20131007::abc")
    assert (first["counted"], again["counted"]) == (True, False)
    assert first["fill_id"] == again["fill_id"]
    assert desk.position() == 100
    assert desk.status(trade) == "filled"
    names = desk.ledger.rows("select source, external_id from public.fill_aliases where user_id = %s", desk.user)
    assert sorted(names) == [("activities", "20131007::abc"), ("stream", "execution-1")]


def test_fill_when_quantity_is_written_otherwise_then_the_same_fill(desk: Desk) -> None:
    _, order = desk.working()
    assert desk.fill(order, "100", "10", "100")["counted"]
    assert not desk.fill(order, "100", "10", "100.000")["counted"]
    assert not desk.fill(order, "1e2", "10", "1e2")["counted"]


def test_fill_when_recorded_by_eight_at_once_then_counted_once(desk: Desk) -> None:
    _, order = desk.working()
    fill = fill_of(order, "100", "10", external_id="x")
    found = desk.ledger.at_once(
        *[calling("record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)] * THREADS
    )
    assert sum(answer["counted"] for answer in found) == 1
    assert (desk.count("fills"), desk.position()) == (1, 100)


def test_fills_when_different_ones_come_at_once_then_all_counted(desk: Desk) -> None:
    trade, order = desk.working(quantity="80")
    works = [
        calling("record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill_of(order, "10", "10", str(10 * n)))
        for n in range(1, THREADS + 1)
    ]
    assert all(answer["counted"] for answer in desk.ledger.at_once(*works))
    assert (desk.status(trade), desk.position()) == ("filled", 80)


@pytest.mark.parametrize("changed", ["", "cumulative_quantity = 999", "id = gen_random_uuid()"])
def test_fill_when_inserted_again_with_on_conflict_do_nothing_then_position_stays(desk: Desk, changed: str) -> None:
    _, order = desk.working()
    fill = desk.fill(order, "100", "10")["fill_id"]
    column, _, value = changed.partition(" = ")
    change = f", '{column}', {value}" if changed else ""
    with refused("DUPLICATE_FILL", 409):
        desk.ledger.run(
            "insert into public.fills overriding system value "
            f"select (jsonb_populate_record(f, jsonb_build_object('number', 0{change}))).* "
            "from public.fills as f where id = %s on conflict do nothing",
            fill,
        )
    assert desk.position() == 100


@pytest.mark.parametrize(("quantity", "price"), [("100", "11"), ("90", "10")])
def test_fill_when_told_again_with_other_amounts_then_first_stays_gate_closed_and_alert(
    desk: Desk, quantity: str, price: str
) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", "100")
    assert not desk.fill(order, quantity, price, "100", source="activities")["counted"]
    assert (desk.count("fills"), desk.position()) == (1, 100)
    assert desk.halted()
    assert _alerts(desk) == ["FILL_CONFLICT_BREAK"]


def test_fill_when_told_in_a_third_way_after_the_first_was_explained_then_halted_again(desk: Desk) -> None:
    """What was explained was the first other story, not every other story."""
    _, order = desk.working()
    desk.fill(order, "100", "10")
    desk.fill(order, "100", "11")
    (explained,) = desk.ledger.rows("select id from public.reconciliation_breaks where user_id = %s", desk.user)
    desk.ledger.call(
        "close_break", "fn_report", p_break_id=explained[0], p_resolution="explained", p_evidence={"by": "the broker"}
    )
    desk.lift()
    desk.fill(order, "100", "11.00")
    assert not desk.halted(), "the story that was explained"
    desk.fill(order, "100", "12")
    assert desk.halted()
    assert (desk.count("fills"), desk.count("reconciliation_breaks")) == (1, 2)


def test_fill_when_told_by_its_name_with_another_running_total_then_one_fill(desk: Desk) -> None:
    """The activity list may count differently; the name of the execution on one path stays what it is."""
    _, order = desk.working()
    desk.fill(order, "40", "10", "40", external_id="execution-1")
    assert not desk.fill(order, "40", "10", "41", external_id="execution-1")["counted"]
    assert desk.position() == 40


def test_fill_when_late_after_cancel_then_recorded_and_status_stays(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "30", "10", "30")
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="enough")
    assert desk.update(order, "canceled")["status"] == "canceled"
    late = desk.fill(order, "20", "11", "50")
    assert (late["counted"], late["status"]) == (True, "canceled")
    assert desk.position() == 50
    assert desk.ledger.rows("select filled_quantity, fill_price from public.trades where id = %s", trade) == [
        (50, Decimal("10.4"))
    ]


def test_fill_when_cancel_is_pending_then_counted_and_cancel_still_pending(desk: Desk) -> None:
    trade, order = desk.working()
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="enough")
    assert desk.fill(order, "30", "10", "30")["status"] == "cancel_pending"
    assert desk.fill(order, "70", "10", "100")["status"] == "filled"
    assert desk.update(order, "canceled")["status"] == "filled"


def test_fill_when_more_than_ordered_then_recorded_gate_closed_and_alert(desk: Desk) -> None:
    trade, order = desk.working(quantity="100")
    answer = desk.fill(order, "130", "10")
    assert (answer["counted"], desk.position()) == (True, 130)
    assert desk.halted()
    assert _alerts(desk) == ["EXCESS_FILL_BREAK"]
    breaks = desk.ledger.rows(
        "select id, kind, numbers from public.reconciliation_breaks where user_id = %s", desk.user
    )
    assert [(kind, numbers["trade"], Decimal(numbers["filled"])) for _, kind, numbers in breaks] == [
        ("excess_fill", str(trade), Decimal(130))
    ]
    halts = desk.ledger.rows("select action, reason from public.trading_halts where user_id = %s", desk.user)
    assert halts == [("engaged", f"EXCESS_FILL_BREAK: break={breaks[0][0]}")]


def test_fill_when_before_the_answer_to_the_submission_then_order_witnessed(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    client_order_id = desk.claim(trade)["client_order_id"]
    assert desk.fill("order-early", "100", "10", client_order_id=client_order_id)["status"] == "filled"
    desk.submit(trade, "order-early")
    assert desk.status(trade) == "filled"
    assert desk.ledger.one("select outcome from public.order_attempts where trade_id = %s", trade) == "accepted"


def test_fill_when_submission_was_said_to_be_rejected_late_then_evidence_wins(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    client_order_id = desk.claim(trade)["client_order_id"]
    desk.fill("order-witnessed", "40", "10", client_order_id=client_order_id)
    desk.ledger.call(
        "record_attempt", "fn_execute", p_trade_id=trade, p_attempt=1, p_outcome="rejected", p_detail="no", p_at="now"
    )
    assert desk.status(trade) == "partially_filled"


@pytest.mark.parametrize("approve", [False, True])
def test_fill_when_trade_was_never_sent_then_recorded_and_never_sent_again(desk: Desk, approve: bool) -> None:
    """After a restore from backup the broker knows more than the ledger."""
    trade = desk.place()
    if approve:
        desk.approve(trade)
    client_order_id = desk.ledger.one("select client_order_id from public.trades where id = %s", trade)
    answer = desk.fill("order-forgotten", "40", "10", client_order_id=client_order_id)
    assert (answer["counted"], answer["status"]) == (True, "partially_filled")
    assert desk.claim(trade) == {"claimed": False, "status": "partially_filled"}
    assert desk.fill("order-forgotten", "60", "10", "100")["status"] == "filled"
    assert "UNSENT_ORDER" in _alerts(desk)


def test_fill_when_order_is_unknown_then_adopted_as_external(desk: Desk) -> None:
    answer = desk.fill(
        "order-by-phone", "7", "10", client_order_id="typed-elsewhere", side="sell", ordered_quantity="7"
    )
    assert (answer["counted"], answer["status"], desk.position()) == (True, "filled", -7)
    assert desk.ledger.rows(
        "select source, strategy_id, side, client_order_id from public.trades where id = %s", answer["trade_id"]
    ) == [("external", None, "sell", "typed-elsewhere")]
    owners = desk.ledger.rows("select owner_key, quantity from public.strategy_positions where user_id = %s", desk.user)
    assert owners == [("manual", -7)]


def test_fill_when_an_order_placed_outside_is_filled_in_parts_then_no_excess(desk: Desk) -> None:
    outside = {"client_order_id": "typed-elsewhere", "ordered_quantity": "1000"}
    first = desk.fill("order-by-phone", "10", "10", **outside)
    assert first["status"] == "partially_filled"
    assert desk.fill("order-by-phone", "990", "10", "1000", **outside)["status"] == "filled"
    assert "EXCESS_FILL" not in _alerts(desk)
    assert desk.count("reconciliation_breaks") == 0
    assert not desk.halted()


def test_fill_when_the_excess_grows_after_it_was_explained_then_halted_again(desk: Desk) -> None:
    _, order = desk.working(quantity="100")
    desk.fill(order, "150", "10")
    break_id = desk.ledger.one("select id from public.reconciliation_breaks where user_id = %s", desk.user)
    said = {"p_break_id": break_id, "p_evidence": {"seen": "yes"}, "p_resolution": "explained"}
    assert desk.ledger.call("close_break", "fn_report", **said)
    desk.lift()
    desk.fill(order, "1000", "10", "1150")
    assert desk.halted()
    assert desk.count("reconciliation_breaks") == 2


def test_fill_when_unknown_order_comes_at_once_by_two_paths_then_one_trade(desk: Desk) -> None:
    works = [
        calling(
            "record_fill",
            "fn_execute",
            p_account_id=desk.account,
            p_fill=fill_of("order-by-phone", "7", "10", source=source),
        )
        for source in ["stream", "activities"] * 4
    ]
    assert sum(answer["counted"] for answer in desk.ledger.at_once(*works)) == 1
    assert (desk.count("trades"), desk.position()) == (1, 7)


@pytest.mark.parametrize(
    "order",
    [
        {"order_type": "limit"},
        {"order_type": "stop_limit", "limit_price": "9"},
        {"order_type": "limit", "limit_price": "9"},
        {"order_type": "trailing_stop"},
        {"order_type": "something new"},
        {"symbol": "NVDA"},
        {"symbol": "SPY131019C00170000"},
    ],
)
def test_fill_when_unknown_order_is_of_any_kind_then_never_refused(desk: Desk, order: dict[str, str]) -> None:
    assert desk.fill(f"order-{uuid4()}", "7", "10", **order)["counted"]


def test_fill_when_broker_has_two_orders_of_our_client_order_id_then_the_surplus_one_is_canceled_and_told(
    desk: Desk,
) -> None:
    trade, order = desk.working()
    client_order_id = desk.ledger.one("select client_order_id from public.trades where id = %s", trade)
    answer = desk.fill("order-second", "100", "10", client_order_id=client_order_id)
    assert (answer["counted"], answer["trade_id"]) == (True, str(trade))
    assert desk.position() == 100
    due = [row["broker_order_id"] for row in desk.ledger.call("cancel_orders_due", "fn_execute")]
    assert ("order-second" in due, order in due) == (True, False)
    assert (desk.halted(), _alerts(desk)) == (True, ["STRAY_ORDER"])
    desk.fill(order, "100", "10", "100")
    assert desk.position() == 200
    assert "EXCESS_FILL_BREAK" in _alerts(desk)
    # Nothing is left to be canceled of it once the broker says that it is over.
    desk.update("order-second", "submitted", is_over=True)
    due = [row["broker_order_id"] for row in desk.ledger.call("cancel_orders_due", "fn_execute")]
    assert "order-second" not in due


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "0"},
        {"quantity": "-5"},
        {"quantity": "NaN"},
        {"quantity": None},
        {"price": "0"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": "ten"},
        {"cumulative_quantity": "0"},
        {"cumulative_quantity": "NaN"},
        {"executed_at": None},
        {"executed_at": "yesterday noon"},
        {"broker_order_id": None},
        {"broker_order_id": ""},
        {"broker_order_id": "unknown", "side": "hold"},
        {"broker_order_id": "unknown", "symbol": None},
        {"fee": "NaN"},
    ],
)
def test_fill_when_malformed_then_refused_and_nothing_written(desk: Desk, wrong: dict[str, str | None]) -> None:
    trade, order = desk.working()
    with refused("BAD_FILL", 422):
        desk.ledger.call(
            "record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill_of(order, "10", "10") | wrong
        )
    assert (desk.count("fills"), desk.position(), desk.status(trade)) == (0, 0, "submitted")


def test_fill_when_account_is_unknown_then_refused(ledger: Ledger) -> None:
    with refused("NO_SUCH_ACCOUNT", 404):
        ledger.call("record_fill", "fn_execute", p_account_id=uuid4(), p_fill=fill_of("order", "1", "1"))


def test_fill_when_of_another_account_with_the_same_order_id_then_kept_apart(ledger: Ledger) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    _, order = here.working()
    there.fill(order, "5", "10")
    here.fill(order, "100", "10")
    assert (here.position(), there.position()) == (100, 5)


def test_fill_when_table_is_written_past_record_fill_then_owner_must_agree(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    _, order = desk.working()
    desk.fill(order, "50", "10", "50")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        desk.ledger.run(
            "insert into public.fills overriding system value "
            "select (jsonb_populate_record(f, jsonb_build_object('number', 0, 'id', gen_random_uuid(), "
            "'user_id', %s::text, 'cumulative_quantity', 60))).* from public.fills as f where f.user_id = %s",
            stranger.user,
            desk.user,
        )
