"""The state machine of a trade: every arrow, every non-arrow, and what never changes."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from itertools import product
from uuid import UUID

import pytest

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Connection, Ledger, refused

AT_THE_BROKER = {"cancel_pending", "replace_pending", "canceled", "expired", "filled"}
ARROWS: dict[str, set[str]] = {
    "pending": {"approved", "rejected", "canceled", "expired"},
    "approved": {"submitting", "canceled", "expired"},
    "submitting": {"submitted", "rejected", "unknown"},
    "unknown": {"submitted", "filled", "rejected", "canceled", "expired"},
    "submitted": AT_THE_BROKER | {"partially_filled", "rejected", "replaced"},
    "partially_filled": AT_THE_BROKER | {"rejected", "replaced"},
    "cancel_pending": {"canceled", "filled", "expired", "rejected", "replaced"},
    "replace_pending": {"replaced", "submitted", "partially_filled", "filled", "canceled", "expired", "rejected"},
    "filled": set(),
    "canceled": set(),
    "rejected": set(),
    "expired": set(),
    "replaced": set(),
}
FINAL = {status for status, following in ARROWS.items() if not following}
PAIRS = [pair for pair in product(ARROWS, ARROWS) if pair[0] != pair[1]]

# What happens to an order; everything else is what was ordered.
HAPPENS = {"status", "refusal", "broker_order_id", "filled_quantity", "fill_price", "executed_at", "status_at"}
WISHED = {"cancel_requested_at", "cancel_requested_by", "cancel_reason"}
KEPT_BY_TRIGGER = {"created_at", "updated_at", "version"}
GENERATED = {"placed_number"}
ANOTHER_VALUE = {
    "uuid": "gen_random_uuid()",
    "jsonb": '\'{{"stop_price": "1"}}\'',
    "text": "coalesce({column}, '') || 'x'",
    "private.amount": "coalesce({column}, 0) + 1",
    "integer": "coalesce({column}, 0) + 1",
    "boolean": "not {column}",
    "timestamp with time zone": "{column} + interval '1 second'",
}


def _put(connection: Connection, trade: UUID, status: str) -> None:
    """Puts the trade into a state without asking the state machine."""
    connection.execute("set local session_replication_role = replica")
    connection.execute("update public.trades set status = %s where id = %s", [status, trade])
    connection.execute("set local session_replication_role = origin")


def test_arrows_when_read_then_they_are_the_design(ledger: Ledger) -> None:
    on_record = set(ledger.rows("select from_status, to_status from private.trade_arrows"))
    assert on_record == {pair for pair in PAIRS if pair[1] in ARROWS[pair[0]]}


@pytest.mark.parametrize("before", ARROWS)
def test_trade_when_moved_then_only_arrows_are_taken(desk: Desk, before: str) -> None:
    trade = desk.place()
    for after in set(ARROWS) - {before}:
        with desk.ledger.session() as connection:
            _put(connection, trade, before)
            move = "update public.trades set status = %s where id = %s returning status"
            if after in ARROWS[before]:
                assert connection.execute(move, [after, trade]).fetchone() == (after,)
            else:
                with refused("BAD_TRANSITION", 409):
                    connection.execute(move, [after, trade])
            connection.rollback()


@pytest.mark.parametrize("status", ["", "nonsense", "PENDING"])
def test_trade_when_status_is_unknown_then_refused(desk: Desk, status: str) -> None:
    trade = desk.place()
    with refused("BAD_TRANSITION", 409):
        desk.ledger.run("update public.trades set status = %s where id = %s", status, trade)


@pytest.mark.parametrize("status", sorted(set(ARROWS) - {"pending"}))
def test_trade_when_it_would_begin_elsewhere_than_pending_then_refused(desk: Desk, status: str) -> None:
    trade = desk.place()
    with refused("BAD_TRANSITION", 409):
        desk.ledger.run(
            "insert into public.trades overriding system value select (jsonb_populate_record(t, "
            "jsonb_build_object('id', gen_random_uuid(), "
            "'status', %s::text, 'signal', 'another', 'client_order_id', 'another', 'placed_number', 0))).* "
            "from public.trades as t where id = %s",
            status,
            trade,
        )


def test_trade_when_any_ordered_column_is_changed_then_refused(desk: Desk) -> None:
    trade, _ = desk.working()
    columns = desk.ledger.rows(
        "select attname, atttypid::regtype::text from pg_attribute "
        "where attrelid = 'public.trades'::regclass and attnum > 0 and not attisdropped"
    )
    assert set(dict(columns)) >= HAPPENS | WISHED | KEPT_BY_TRIGGER | GENERATED
    for column, kind in columns:
        if column in HAPPENS | WISHED | KEPT_BY_TRIGGER | GENERATED:
            continue
        value = ANOTHER_VALUE[kind].format(column=column)
        with refused("TRADE_IS_FIXED", 409):
            desk.ledger.run(f"update public.trades set {column} = {value} where id = %s", trade)


def test_trade_when_trigger_columns_are_written_then_not_believed(desk: Desk) -> None:
    trade = desk.place()
    query = "select created_at, version from public.trades where id = %s"
    ((created, version),) = desk.ledger.rows(query, trade)
    desk.ledger.run("update public.trades set created_at = 'epoch', version = 99 where id = %s", trade)
    assert desk.ledger.rows(query, trade) == [(created, version + 1)]


def test_quantity_when_pending_then_only_ever_smaller(desk: Desk) -> None:
    trade = desk.place(quantity="100")
    with refused("TRADE_IS_FIXED", 409):
        desk.ledger.run("update public.trades set quantity = 101 where id = %s", trade)
    with refused("ONLY_SMALLER", 422):
        desk.approval(trade, quantity="101")
    assert desk.approval(trade, quantity="60")["status"] == "approved"
    assert desk.ledger.rows(
        "select t.quantity, l.quantity from public.trades as t join public.trade_legs as l on l.trade_id = t.id "
        "where t.id = %s",
        trade,
    ) == [(60, 60)]
    with refused("TRADE_IS_FIXED", 409):
        desk.ledger.run("update public.trades set quantity = 50 where id = %s", trade)


@pytest.mark.parametrize(
    "change", ["symbol = 'IWM'", "side = 'sell'", "position_intent = 'buy_to_close'", "quantity = 200", "ratio = 2"]
)
def test_leg_when_what_was_ordered_is_changed_then_refused(desk: Desk, change: str) -> None:
    trade, _ = desk.working()
    with refused("TRADE_IS_FIXED", 409):
        desk.ledger.run(f"update public.trade_legs set {change} where trade_id = %s", trade)


def test_broker_order_when_given_then_kept(desk: Desk) -> None:
    trade, _ = desk.working()
    with refused("BROKER_ORDER_IS_FIXED", 409):
        desk.ledger.run("update public.trades set broker_order_id = 'another' where id = %s", trade)
    with refused("BROKER_ORDER_IS_FIXED", 409):
        desk.ledger.run("update public.trades set broker_order_id = null where id = %s", trade)


def test_trade_when_it_walks_its_life_then_every_step_is_on_record(desk: Desk) -> None:
    trade, order = desk.working(quantity="100")
    desk.fill(order, "40", "10")
    desk.fill(order, "60", "10", "100")
    steps = desk.ledger.rows(
        "select number, from_status, to_status, actor from public.trade_transitions where trade_id = %s "
        "order by number",
        trade,
    )
    assert steps == [
        (1, None, "pending", "fn_strategy"),
        (2, "pending", "approved", "fn_risk"),
        (3, "approved", "submitting", "fn_execute"),
        (4, "submitting", "submitted", "fn_execute"),
        (5, "submitted", "partially_filled", "fn_execute"),
        (6, "partially_filled", "filled", "fn_execute"),
    ]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_trade_when_final_then_no_call_moves_it(desk: Desk, status: str) -> None:
    trade, order = desk.working()
    with desk.ledger.session() as connection:
        _put(connection, trade, status)
    assert desk.approval(trade)["status"] == status
    assert desk.claim(trade) == {"claimed": False, "status": status}
    desk.ledger.call("reject_trade", "fn_risk", p_trade_id=trade, p_decisions=[], p_refusal="LATE")
    desk.ledger.call("request_cancel", "fn_risk", p_trade_id=trade, p_reason="late")
    desk.ledger.call("expire_trade", "fn_risk", p_trade_id=trade, p_now="2100-01-01T00:00:00Z")
    for said in ("submitted", "cancel_pending", "canceled", "expired", "rejected", "replaced"):
        desk.update(order, said)
    desk.ledger.call(
        "record_attempt", "fn_execute", p_trade_id=trade, p_attempt=1, p_outcome="rejected", p_detail="", p_at="now"
    )
    assert desk.status(trade) == status


@pytest.mark.parametrize("status", sorted(FINAL - {"filled"}))
def test_fill_when_the_trade_is_over_then_counted_and_the_status_stays(desk: Desk, status: str) -> None:
    trade, order = desk.working()
    with desk.ledger.session() as connection:
        _put(connection, trade, status)
    assert desk.fill(order, "40", "10")["counted"]
    assert desk.fill(order, "60", "10", "100")["counted"]
    row = desk.ledger.rows("select status, filled_quantity, fill_price from public.trades where id = %s", trade)
    assert row == [(status, 100, 10)]
    assert desk.position() == 100


def test_arrows_when_listed_then_each_says_why(ledger: Ledger) -> None:
    assert ledger.one("select count(*) from private.trade_arrows where length(why) < 10") == 0
