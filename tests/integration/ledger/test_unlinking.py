"""An account is unlinked, not deleted: never with anything open on it, and its credentials go with it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, order_of
from tests.integration.ledger.ledger import Connection, Ledger, answers, refused
from tests.integration.ledger.sealed import fetch, register, store, verdict


def deactivate(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)


def unlink(desk: Desk, reason: str = "moved to another broker", by: UUID | None = None) -> None:
    desk.ledger.call("unlink_account", "authenticated", by or desk.user, p_account_id=desk.account, p_reason=reason)


def unlink_in_the_studio(desk: Desk) -> None:
    desk.ledger.run("update public.broker_accounts set status = 'unlinked' where id = %s", desk.account)


def status(desk: Desk) -> str:
    return str(desk.ledger.one("select status from public.broker_accounts where id = %s", desk.account))


def hold(desk: Desk) -> None:
    desk.hold("100")
    deactivate(desk)


def place(desk: Desk) -> None:
    desk.place()
    deactivate(desk)


def work(desk: Desk) -> None:
    desk.working()
    deactivate(desk)


def lose_sight(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.claim(trade)
    arguments = {"p_attempt": 1, "p_outcome": "unknown", "p_detail": "no answer", "p_at": NOON}
    desk.ledger.call("record_attempt", "fn_execute", p_trade_id=trade, **arguments)
    deactivate(desk)


def stray(desk: Desk) -> None:
    trade = desk.place()
    desk.ledger.tamper(
        "insert into private.stray_orders (broker_account_id, broker_order_id, trade_id) values (%s, 'stray-1', %s)",
        desk.account,
        trade,
    )
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="a test")
    deactivate(desk)


OPEN: dict[str, tuple[Callable[[Desk], None], str]] = {
    "a position": (hold, "positions"),
    "an order that is not judged yet": (place, "orders"),
    "an order that works": (work, "orders"),
    "an order whose fate is unknown": (lose_sight, "orders"),
    "an order that nobody wanted any more": (stray, "strays"),
    "a strategy that decides": (lambda desk: None, "strategies"),
}


@pytest.mark.parametrize("how", [unlink, unlink_in_the_studio])
@pytest.mark.parametrize("what", OPEN)
def test_account_when_something_is_open_then_refused_and_it_is_named(
    desk: Desk, what: str, how: Callable[[Desk], None]
) -> None:
    make, named = OPEN[what]
    make(desk)
    with refused("OPEN_EXPOSURE", 409) as error:
        how(desk)
    assert f"{named}=" in str(error.value.diag.message_primary)
    assert status(desk) == "active"


@pytest.mark.parametrize("how", [unlink, unlink_in_the_studio])
def test_account_when_nothing_is_open_then_unlinked_and_its_credentials_and_consent_are_gone(
    desk: Desk, how: Callable[[Desk], None]
) -> None:
    pair = register(desk.ledger)
    store(desk, pair)
    desk.ledger.run(
        "insert into public.live_confirmations (user_id, broker_account_id, action, by_whom) "
        "values (%s, %s, 'confirmed', 'a test')",
        desk.user,
        desk.account,
    )
    deactivate(desk)
    how(desk)
    assert status(desk) == "unlinked"
    with refused("NO_CREDENTIALS", 404):
        fetch(desk)
    newest = "select action from public.live_confirmations where user_id = %s order by id desc limit 1"
    assert desk.ledger.one(newest, desk.user) == "withdrawn"
    with refused("NO_SUCH_ACCOUNT", 404):
        store(desk, pair)
    with refused("ACCOUNT_UNLINKED", 409):
        desk.ledger.call("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.place_by_hand("after")
    served = [row["broker_account_id"] for row in desk.ledger.call("trading_accounts", "fn_execute")]
    assert str(desk.account) not in served


def test_account_when_unlinked_twice_then_the_first_stays_as_it_was(desk: Desk) -> None:
    deactivate(desk)
    unlink(desk, "first")
    unlink(desk, "second")
    row = "select unlinked_reason from public.broker_accounts where id = %s"
    assert desk.ledger.one(row, desk.account) == "first"


def test_account_when_linked_again_then_it_trades_with_credentials_entered_anew(desk: Desk) -> None:
    pair = register(desk.ledger)
    store(desk, pair)
    deactivate(desk)
    unlink(desk)
    desk.ledger.call("relink_account", "authenticated", desk.user, p_account_id=desk.account)
    desk.ledger.call("relink_account", "authenticated", desk.user, p_account_id=desk.account)
    found = "select status, unlinked_at, unlinked_reason, trading_entered_at from public.broker_accounts where id = %s"
    assert desk.ledger.rows(found, desk.account) == [("active", None, None, None)]
    store(desk, pair)
    assert fetch(desk)["version"] == 1
    with refused("ACCOUNT_NOT_VERIFIED", 409):
        desk.place_by_hand("too early")
    verdict(desk)
    desk.place_by_hand("again")


def test_account_when_another_unlinks_or_links_it_then_not_found(desk: Desk) -> None:
    thief = Desk.open(desk.ledger)
    deactivate(desk)
    with refused("NO_SUCH_ACCOUNT", 404):
        unlink(desk, by=thief.user)
    unlink(desk)
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.ledger.call("relink_account", "authenticated", thief.user, p_account_id=desk.account)


def test_account_when_unlinked_without_a_reason_then_refused(desk: Desk) -> None:
    with refused("REASON_NEEDED", 422):
        unlink(desk, "  ")


def test_fill_when_the_broker_reports_it_of_an_unlinked_account_then_it_is_recorded(desk: Desk) -> None:
    """The broker is the witness, also of what happens after."""
    deactivate(desk)
    unlink(desk)
    assert desk.fill("order-from-outside", "5", "100")["counted"]


def test_unlinking_when_it_races_orders_and_activation_then_nothing_begins_on_an_unlinked_account(
    ledger: Ledger,
) -> None:
    unlinked = 0
    for _ in range(12):
        desk = Desk.open(ledger)
        deactivate(desk)

        def order(number: int, desk: Desk = desk) -> Callable[[Connection], object]:
            more = {"idempotency_key": f"race {number}", "broker_account_id": str(desk.account)}
            return calling("place_trade", "authenticated", desk.user, p_order=order_of() | more)

        works = [
            order(1),
            calling("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy),
            calling("unlink_account", "authenticated", desk.user, p_account_id=desk.account, p_reason="a race"),
            order(2),
        ]
        said = ledger.at_once(*answers(works))
        assert set(said) <= {"done", "OPEN_EXPOSURE", "NO_SUCH_ACCOUNT", "ACCOUNT_UNLINKED"}, said
        if status(desk) == "unlinked":
            unlinked += 1
            assert {*said[:2], said[3]} <= {"NO_SUCH_ACCOUNT", "ACCOUNT_UNLINKED"}, said
            assert desk.count("trades") == 0
    print(f"{unlinked} of 12 unlinkings came first")
