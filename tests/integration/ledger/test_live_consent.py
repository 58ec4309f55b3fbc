"""Live trading needs its owner's recent word: an entry when it is placed and when it is sent, an exit never."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.ledger.desk import Desk, calling, claim_of, decision, new_strategy, new_user, order_of
from tests.integration.ledger.ledger import Ledger, become, refused

NUMBER = "LIVE-123"


def live_desk(ledger: Ledger) -> Desk:
    user = new_user(ledger)
    account: UUID = ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id, is_paper) "
        "values (%s, 'alpaca', %s, false) returning id",
        user,
        NUMBER,
    )
    return Desk(ledger, user, account, new_strategy(ledger, user, account))


@pytest.fixture
def live(ledger: Ledger) -> Desk:
    return live_desk(ledger)


def confirm(desk: Desk, phrase: str | None = NUMBER, *, by: UUID | None = None, aal: str | None = "aal2") -> None:
    with desk.ledger.session() as connection:
        claims = {"aal": aal} if aal else {}
        become(connection, "authenticated", by or desk.user, **claims)
        connection.execute("select public.confirm_live(%s, %s)", [desk.account, phrase])


def age(desk: Desk, days: int) -> None:
    """Moves the confirmation back in time."""
    desk.ledger.tamper(
        "update public.live_confirmations set at = at - make_interval(days => %s) where user_id = %s", days, desk.user
    )


def test_entry_when_live_is_not_confirmed_then_refused_by_hand_and_by_strategy(live: Desk) -> None:
    with refused("LIVE_NOT_CONFIRMED", 403):
        live.place_by_hand("one")
    assert live.decide(decision(live.strategy, order_of())) == []
    said = live.ledger.one("select refused from public.strategy_decisions where user_id = %s", live.user)
    assert said.startswith("LIVE_NOT_CONFIRMED")
    assert live.count("trades") == 0


def test_entry_when_live_is_confirmed_then_it_goes_the_whole_way(live: Desk) -> None:
    confirm(live)
    live.working()
    (row,) = live.ledger.rows(
        "select action, by_whom from public.live_confirmations where broker_account_id = %s", live.account
    )
    assert row == ("confirmed", f"user:{live.user}")


def test_entry_when_the_confirmation_is_old_then_refused_and_a_new_one_helps(live: Desk) -> None:
    confirm(live)
    age(live, 29)
    live.place()
    age(live, 1)
    with refused("LIVE_NOT_CONFIRMED", 403):
        live.place_by_hand("two")
    confirm(live)
    live.place_by_hand("two")


@pytest.mark.parametrize("how", ["withdrawn", "too old"])
def test_entry_when_consent_ends_before_it_is_sent_then_it_is_not_sent(live: Desk, how: str) -> None:
    confirm(live)
    trade = live.place()
    assert live.approve(trade) == "approved"
    if how == "withdrawn":
        live.ledger.call("withdraw_live", "authenticated", live.user, p_account_id=live.account)
    else:
        age(live, 31)
    assert live.claim(trade) == {"claimed": False, "status": "canceled"}
    refusal = live.ledger.one("select refusal from public.trades where id = %s", trade)
    assert refusal.startswith("LIVE_NOT_CONFIRMED")


def test_exit_when_consent_has_ended_then_it_passes_all_the_way(live: Desk) -> None:
    confirm(live)
    live.hold("100")
    live.ledger.call("withdraw_live", "authenticated", live.user, p_account_id=live.account)
    trade = live.place_exit("sell", "100")
    assert live.approve(trade) == "approved"
    assert live.claim(trade)["claimed"]


def test_paper_account_when_it_trades_then_nobody_asks(desk: Desk) -> None:
    desk.working()
    with refused("PAPER_ACCOUNT", 422):
        confirm(desk)


@pytest.mark.parametrize("aal", ["aal1", None])
def test_confirmation_when_without_a_second_factor_then_refused(live: Desk, aal: str | None) -> None:
    with refused("SECOND_FACTOR_NEEDED", 403):
        confirm(live, aal=aal)


@pytest.mark.parametrize("phrase", ["", None, "live-123", "yes"])
def test_confirmation_when_the_number_is_not_typed_then_refused(live: Desk, phrase: str | None) -> None:
    with refused("WRONG_PHRASE", 422):
        confirm(live, phrase)


def test_confirmation_when_of_anothers_account_then_not_found(live: Desk, desk: Desk) -> None:
    with refused("NO_SUCH_ACCOUNT", 404):
        confirm(live, by=desk.user)
    with refused("NO_SUCH_ACCOUNT", 404):
        live.ledger.call("withdraw_live", "authenticated", desk.user, p_account_id=live.account)


def test_confirmation_when_of_one_account_then_another_of_the_same_owner_still_needs_its_own(live: Desk) -> None:
    confirm(live)
    other = live.ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id, is_paper) "
        "values (%s, 'alpaca', 'LIVE-456', false) returning id",
        live.user,
    )
    second = Desk(live.ledger, live.user, other, new_strategy(live.ledger, live.user, other))
    with refused("LIVE_NOT_CONFIRMED", 403):
        second.place_by_hand("three")


@pytest.mark.parametrize(
    "statement", ["update public.live_confirmations set at = now()", "delete from public.live_confirmations"]
)
def test_confirmation_when_changed_then_refused(live: Desk, statement: str) -> None:
    confirm(live)
    with refused("APPEND_ONLY", 409):
        live.ledger.run(statement)


@pytest.mark.parametrize("change", ["is_paper = not is_paper", "broker = 'tastytrade'", "account_id = 'another'"])
def test_account_when_its_environment_is_changed_by_the_databases_owner_then_refused(desk: Desk, change: str) -> None:
    """A paper account with a paper credential must never become a live one, nor borrow a live one's consent."""
    with refused("ACCOUNT_IS_FIXED", 409):
        desk.ledger.run(f"update public.broker_accounts set {change} where id = %s", desk.account)  # noqa: S608


def test_withdrawal_when_it_races_entries_then_none_is_sent_after_it(live: Desk) -> None:
    """16 entries are claimed while consent is withdrawn: who comes after the withdrawal is canceled."""
    confirm(live)
    trades = [live.place(quantity="1") for _ in range(16)]
    for trade in trades:
        assert live.approve(trade) == "approved"

    claims = [calling("claim_trade", "fn_execute", **claim_of(trade)) for trade in trades]
    withdraw = calling("withdraw_live", "authenticated", live.user, p_account_id=live.account)
    live.ledger.at_once(*claims[:8], withdraw, *claims[8:])
    late = live.ledger.one(
        "select count(*) from public.order_attempts as a where a.user_id = %s and a.claimed_at > "
        "(select max(at) from public.live_confirmations where broker_account_id = %s and action = 'withdrawn')",
        live.user,
        live.account,
    )
    assert late == 0
