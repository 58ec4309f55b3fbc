"""Exits are rows: one per position, fired once, only by a price that reaches them, and never for more than is held."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, open_session
from tests.integration.ledger.ledger import answers, refused

CLIENTS = 16


def _arm(desk: Desk, **exit_: str) -> UUID:
    armed: UUID = desk.ledger.call(
        "set_position_exit",
        "authenticated",
        desk.user,
        p_account_id=desk.account,
        p_symbol="SPY",
        p_exit=exit_ or {"stop_price": "95"},
        p_strategy_id=desk.strategy,
    )
    return armed


def _fire(desk: Desk, armed: UUID, by: str = "stop", price: str = "95", minutes: int = 30) -> dict[str, Any]:
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    fired: dict[str, Any] = desk.ledger.call(
        "trigger_exit", "fn_risk", p_exit_id=armed, p_by=by, p_price=price, p_at=at
    )
    return fired


def _follow(desk: Desk, armed: UUID, price: str) -> bool:
    moved: bool = desk.ledger.call("follow_price", "fn_risk", p_exit_id=armed, p_price=price, p_at=NOON.isoformat())
    return moved


def _status(desk: Desk, armed: UUID) -> str:
    return str(desk.ledger.one("select status from public.position_exits where id = %s", armed))


@pytest.fixture
def holder(fresh_desk: Desk) -> Desk:
    """Long 100 SPY, alone in the ledger."""
    open_session(fresh_desk)
    fresh_desk.hold("100")
    return fresh_desk


def test_exit_when_the_stop_is_reached_then_one_reduce_only_order_for_what_is_held(holder: Desk) -> None:
    armed = _arm(holder)
    fired = _fire(holder, armed)

    order = holder.ledger.rows(
        "select source, side, quantity::int, reduce_only, order_type, status, strategy_id from public.trades "
        "where id = %s",
        fired["trade_id"],
    )
    assert order == [("risk", "sell", 100, True, "market", "pending", holder.strategy)]
    assert _fire(holder, armed) == {"status": "triggered", "trade_id": fired["trade_id"]}


def test_exit_when_fired_by_sixteen_at_once_then_there_is_one_order(holder: Desk) -> None:
    for number in range(5):
        armed = _arm(holder)
        at = (NOON + timedelta(minutes=number)).isoformat()
        fire = calling("trigger_exit", "fn_risk", p_exit_id=armed, p_by="stop", p_price="90", p_at=at)
        fired = holder.ledger.at_once(*[fire] * CLIENTS)
        assert len({answer["trade_id"] for answer in fired}) == 1
        holder.ledger.run("update public.trades set status = 'canceled' where id = %s", fired[0]["trade_id"])
        assert holder.ledger.call("settle_exits", "fn_risk") == 1
        assert _status(holder, armed) == "armed"


@pytest.mark.parametrize(
    ("exit_", "by", "reached", "short_of_it"),
    [
        ({"stop_price": "95"}, "stop", "95", "95.01"),
        ({"target_price": "110"}, "target", "110", "109.99"),
        ({"trail_amount": "5"}, "trail", "99", "99.01"),
        ({"trail_percent": "5"}, "trail", "98.8", "98.81"),
    ],
)
def test_exit_when_the_price_does_not_reach_it_then_refused(
    holder: Desk, exit_: dict[str, str], by: str, reached: str, short_of_it: str
) -> None:
    armed = _arm(holder, **exit_)
    _follow(holder, armed, "104")
    with refused("NOT_CROSSED", 409):
        _fire(holder, armed, by, short_of_it)
    for other in {"stop", "target", "trail", "time", "mood"} - {by}:
        with refused("NOT_CROSSED", 409):
            _fire(holder, armed, other, reached)
    assert _fire(holder, armed, by, reached)["status"] == "triggered"


def test_exit_when_its_time_has_come_then_it_fires_and_not_before(holder: Desk) -> None:
    armed = _arm(holder, exit_at=(NOON + timedelta(minutes=30)).isoformat())
    with refused("NOT_CROSSED", 409):
        _fire(holder, armed, "time", "100", minutes=29)
    assert _fire(holder, armed, "time", "100", minutes=30)["status"] == "triggered"


def test_trail_when_the_price_gets_worse_then_it_stays(holder: Desk) -> None:
    armed = _arm(holder, trail_amount="5")
    moved = [_follow(holder, armed, price) for price in ("100", "104", "101", "104", "104.5")]
    assert moved == [True, True, False, False, True]
    with refused("TRAIL_WENT_BACK", 409):
        holder.ledger.run("update public.position_exits set best_price = 100 where id = %s", armed)


@pytest.mark.parametrize("price", ["NaN", "-1", "0", "Infinity"])
def test_trail_when_the_price_is_none_then_refused(holder: Desk, price: str) -> None:
    armed = _arm(holder, trail_amount="5")
    with refused("BAD_PRICE", 422):
        _follow(holder, armed, price)


def test_exit_when_other_orders_close_it_all_then_nothing_more_is_ordered(holder: Desk) -> None:
    armed = _arm(holder)
    closing = holder.place_exit("sell", "100")
    holder.approve(closing)

    assert _fire(holder, armed) == {"status": "armed", "trade_id": None, "waits_for": "orders"}
    assert _status(holder, armed) == "armed"


def test_exit_when_an_order_closes_a_part_of_an_odd_position_then_it_fires_for_the_rest(holder: Desk) -> None:
    holder.activity("split", "one for eight", symbol="SPY", numerator="1", denominator="8")
    armed = _arm(holder)
    holder.approve(holder.place_exit("sell", "5"))
    fired = _fire(holder, armed)
    assert holder.ledger.one("select quantity from public.trades where id = %s", fired["trade_id"]) == Decimal("7.5")
    assert holder.approve(UUID(fired["trade_id"]), "95") == "approved"


def test_exits_when_listed_then_those_that_are_not_over_with_exact_prices(holder: Desk) -> None:
    armed = _arm(holder, stop_price="95.01")
    (listed,) = holder.ledger.call("live_exits", "fn_risk", p_symbol="SPY")
    assert (listed["exit_id"], listed["stop_price"], listed["status"]) == (str(armed), "95.0100000000", "armed")
    fired = _fire(holder, armed)
    (listed,) = holder.ledger.call("live_exits", "fn_risk")
    assert (listed["status"], listed["exit_trade_id"]) == ("triggered", fired["trade_id"])
    assert holder.ledger.call("live_exits", "fn_risk", p_symbol="IWM") == []
    trade, order = UUID(fired["trade_id"]), "the exit's"
    holder.approve(trade)
    holder.claim(trade)
    holder.fill(holder.submit(trade, order), "100", "95", side="sell")
    holder.ledger.call("settle_exits", "fn_risk")
    assert holder.ledger.call("live_exits", "fn_risk") == []


def test_exit_when_the_position_is_gone_then_it_is_done_without_an_order(holder: Desk) -> None:
    armed = _arm(holder)
    trade, order = holder.working("sell", "100", position_intent="sell_to_close")
    holder.fill(order, "100", "101", side="sell")
    assert holder.status(trade) == "filled"

    assert _fire(holder, armed) == {"status": "done", "trade_id": None}
    with refused("EXIT_IS_FIXED", 409):
        holder.ledger.run("update public.position_exits set status = 'armed', ended_at = null where id = %s", armed)


def test_exit_when_set_again_then_it_is_the_same_row_changed(holder: Desk) -> None:
    armed = _arm(holder)
    assert _arm(holder, stop_price="97", target_price="120") == armed
    assert holder.ledger.one("select count(*) from public.position_exits") == 1


def test_exit_when_set_by_sixteen_at_once_then_there_is_one(holder: Desk) -> None:
    asked = {
        "p_account_id": holder.account,
        "p_symbol": "SPY",
        "p_exit": {"stop_price": "95"},
        "p_strategy_id": holder.strategy,
    }
    armed = holder.ledger.at_once(*[calling("set_position_exit", "authenticated", holder.user, **asked)] * CLIENTS)
    assert len(set(armed)) == 1


def test_exit_when_its_order_is_on_its_way_then_neither_changed_nor_taken_away(holder: Desk) -> None:
    armed = _arm(holder)
    _fire(holder, armed)
    with refused("EXIT_UNDER_WAY", 409):
        _arm(holder, stop_price="80")
    with refused("EXIT_UNDER_WAY", 409):
        holder.ledger.call("cancel_position_exit", "authenticated", holder.user, p_exit_id=armed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mood": "good"},
        {"stop_price": "110", "target_price": "100"},
        {"stop_price": "-1"},
        {"stop_price": "NaN"},
        {"stop_price": "cheap"},
        {"trail_amount": "1", "trail_percent": "1"},
        {"trail_percent": "100"},
        {"exit_at": "infinity"},
    ],
)
def test_exit_when_malformed_then_refused(holder: Desk, wrong: dict[str, str]) -> None:
    with refused("BAD_EXIT", 422):
        _arm(holder, **wrong)


def test_exit_when_nothing_is_held_or_it_is_anothers_then_refused(holder: Desk) -> None:
    stranger = Desk.open(holder.ledger)
    with refused("NO_POSITION", 422):
        _arm(stranger)
    armed = _arm(holder)
    with refused("NO_SUCH_EXIT", 404):
        holder.ledger.call("cancel_position_exit", "authenticated", stranger.user, p_exit_id=armed)
    with refused("NO_SUCH_ACCOUNT", 404):
        _arm(Desk(holder.ledger, stranger.user, holder.account, holder.strategy))


def test_exit_when_fired_while_a_halt_is_engaged_then_it_passes(holder: Desk) -> None:
    armed = _arm(holder)
    holder.ledger.call("close_gate", "fn_risk", p_gate_key=f"account:{holder.account}", p_reason="a test")
    fired = _fire(holder, armed)
    assert holder.approve(UUID(fired["trade_id"])) == "approved"


def test_exit_when_fired_while_it_is_canceled_then_one_of_the_two_happens(holder: Desk) -> None:
    for number in range(5):
        armed = _arm(holder)
        at = (NOON + timedelta(minutes=number)).isoformat()
        outcome = holder.ledger.at_once(
            *answers(
                [
                    calling("trigger_exit", "fn_risk", p_exit_id=armed, p_by="stop", p_price="90", p_at=at),
                    calling("cancel_position_exit", "authenticated", holder.user, p_exit_id=armed),
                ]
            )
        )
        if outcome[1] == "EXIT_UNDER_WAY":
            assert _status(holder, armed) == "triggered"
            trade = holder.ledger.one("select exit_trade_id from public.position_exits where id = %s", armed)
            holder.ledger.run("update public.trades set status = 'canceled' where id = %s", trade)
            holder.ledger.call("settle_exits", "fn_risk")
            holder.ledger.call("cancel_position_exit", "authenticated", holder.user, p_exit_id=armed)
        else:
            assert _status(holder, armed) == "canceled"


def test_exit_when_entries_rest_against_it_then_its_owners_go_at_once_and_others_after_a_refused_round(
    holder: Desk,
) -> None:
    """A broker takes no market order while anything of the account rests on its other side."""
    more = {"quantity": "5", "order_type": "limit", "price": "90"}
    own, _ = holder.working(**more)
    others = holder.place_by_hand("theirs", **more)
    elsewhere = holder.place_by_hand("elsewhere", **more | {"symbol": "IWM"})
    for trade in (others, elsewhere):
        holder.approve(trade)
        holder.claim(trade)
        holder.submit(trade)
    armed = _arm(holder)

    def standing() -> list[str]:
        return [holder.status(one) for one in (own, others, elsewhere)]

    first = _fire(holder, armed)["trade_id"]
    assert standing() == ["cancel_pending", "submitted", "submitted"]
    # Refused here: the broker has said nothing.
    holder.ledger.run("update public.trades set status = 'rejected', refusal = 'A_TEST' where id = %s", first)
    holder.ledger.call("settle_exits", "fn_risk")
    second = UUID(_fire(holder, armed, by="rest", minutes=31)["trade_id"])
    assert standing() == ["cancel_pending", "submitted", "submitted"]
    assert holder.approve(second) == "approved"
    assert holder.claim(second)["claimed"]
    assert holder.attempted(second, "rejected") == "rejected"
    holder.ledger.call("settle_exits", "fn_risk")
    assert _fire(holder, armed, by="rest", minutes=33)["status"] == "triggered"
    assert standing() == ["cancel_pending", "cancel_pending", "submitted"]


def test_exit_of_a_manual_position_when_a_strategys_own_exit_rests_then_it_fires_all_the_same(holder: Desk) -> None:
    """What closes somebody else's share closes nothing of this one's."""
    order = holder.place_by_hand("mine", quantity="50")
    holder.approve(order)
    holder.claim(order)
    holder.fill(holder.submit(order), "50", "100")
    holder.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="120")
    armed: UUID = holder.ledger.call(
        "set_position_exit", "authenticated", holder.user,
        p_account_id=holder.account, p_symbol="SPY", p_exit={"stop_price": "95"},
    )  # fmt: skip
    fired = _fire(holder, armed)
    assert fired["status"] == "triggered"
    assert holder.ledger.one("select quantity from public.trades where id = %s", fired["trade_id"]) == 50
    assert holder.approve(fired["trade_id"], "95") == "approved"


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-1", "0"])
def test_exit_when_the_price_is_no_price_then_nothing_fires(holder: Desk, price: str) -> None:
    armed = _arm(holder, stop_price="95", target_price="150")
    for by in ("stop", "target"):
        with refused("BAD_PRICE", 422):
            _fire(holder, armed, by, price)
    assert _status(holder, armed) == "armed"


def test_exit_when_it_names_a_strategy_of_another_then_not_found_and_nobody_waits(holder: Desk) -> None:
    """Its gate would be held shared for as long as such calls come, and the owner's halt would wait."""
    stranger = Desk.open(holder.ledger)
    asked = {"p_account_id": holder.account, "p_symbol": "SPY", "p_exit": {"stop_price": "1"}}
    with holder.ledger.session() as halting:
        halting.execute("select from public.trading_gates where gate_key = %s for update", [stranger.gate("strategy")])
        with refused("NO_SUCH_STRATEGY", 404):
            holder.ledger.call(
                "set_position_exit", "authenticated", holder.user, **asked, p_strategy_id=stranger.strategy
            )
        halting.rollback()
    with refused("NO_SUCH_STRATEGY", 404):
        holder.ledger.call("set_position_exit", "authenticated", holder.user, **asked, p_strategy_id=uuid4())
