"""Whether an account is verified: by the credential that is there, by execute alone. Entries ask, exits never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from functions.brokers.keyring import SealingPair
from tests.integration.ledger.desk import Desk, calling, claim_of
from tests.integration.ledger.ledger import Ledger, answers, refused
from tests.integration.ledger.sealed import register, sealed_for, store, verdict
from tests.integration.ledger.test_live_consent import confirm, live_desk


@pytest.fixture(scope="module")
def pair(ledger: Ledger) -> SealingPair:
    return register(ledger)


def link(desk: Desk) -> dict[str, Any]:
    """What the account says of its link."""
    found: dict[str, Any] = desk.ledger.one(
        "select to_jsonb(a) from public.broker_accounts as a where id = %s", desk.account
    )
    return {name.removeprefix("link_"): value for name, value in found.items() if name.startswith("link_")}


def waiting(desk: Desk) -> bool:
    """Whether the sweep would ask the broker now."""
    listed = desk.ledger.call("trading_accounts", "fn_execute")
    return bool(next(one["verify_due"] for one in listed if one["broker_account_id"] == str(desk.account)))


def test_account_when_nothing_was_entered_then_entries_pass_as_ever(desk: Desk) -> None:
    assert link(desk)["state"] == "unverified"
    assert not waiting(desk)
    desk.working()


def test_entry_when_the_credential_is_not_verified_then_it_is_refused_placed_approved_and_claimed(
    desk: Desk, pair: SealingPair
) -> None:
    placed, approved = desk.place(), desk.place()
    desk.approve(approved)
    store(desk, pair)
    with refused("ACCOUNT_NOT_VERIFIED", 409):
        desk.place_by_hand("one")
    answer = desk.approval(placed)
    assert (answer["status"], answer["refusal"]["code"]) == ("rejected", "ACCOUNT_NOT_VERIFIED")
    assert desk.claim(approved) == {"claimed": False, "status": "canceled"}
    said = desk.ledger.one("select refusal from public.trades where id = %s", approved)
    assert said == f"ACCOUNT_NOT_VERIFIED: account={desk.account} state=unverified"


@pytest.mark.parametrize("state", ["unverified", "refused"])
def test_exit_when_the_credential_is_not_verified_then_it_goes_the_whole_way(
    state: str, desk: Desk, pair: SealingPair
) -> None:
    desk.hold("100")
    store(desk, pair)
    verdict(desk, state)
    trade = desk.place_exit("sell", "100")
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]


def test_cancel_when_the_credential_is_refused_then_it_is_asked_for(desk: Desk, pair: SealingPair) -> None:
    trade, _ = desk.working()
    store(desk, pair)
    verdict(desk, "refused")
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="a test")
    assert desk.status(trade) == "cancel_pending"


def test_entry_when_the_credential_is_verified_then_it_goes_the_whole_way(desk: Desk, pair: SealingPair) -> None:
    store(desk, pair)
    assert verdict(desk) == {"recorded": True, "state": "verified", "code": None, "reason": None}
    desk.working()
    assert link(desk)["entered_at"] is not None


def test_account_when_verified_and_restricted_then_that_is_said(desk: Desk, pair: SealingPair) -> None:
    store(desk, pair)
    verdict(desk, "verified", p_code="CLOSING_ONLY", p_reason="ask the broker")
    found = link(desk)
    assert (found["state"], found["code"], found["reason"]) == ("verified", "CLOSING_ONLY", "ask the broker")


def test_account_when_refused_then_its_owner_is_told_once_what_to_do(desk: Desk, pair: SealingPair) -> None:
    store(desk, pair)
    verdict(desk, "refused")
    again = verdict(desk, "refused")
    assert (again["recorded"], again["state"]) == (False, "refused")
    alerts = desk.ledger.rows("select code, severity, text from public.alerts where user_id = %s", desk.user)
    assert alerts == [("ACCOUNT_REFUSED", "critical", "enter them again")]
    with pytest.raises(psycopg.Error) as told:
        desk.place_by_hand("one")
    assert told.value.diag.message_hint == "enter them again"


def test_verdict_when_there_is_one_then_another_of_the_same_credential_changes_nothing(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    verdict(desk)
    assert verdict(desk, "refused") == {"recorded": False, "state": "verified", "code": None, "reason": None}
    assert verdict(desk, "unverified")["state"] == "verified"
    assert link(desk)["state"] == "verified"


def test_account_when_the_credential_is_entered_again_then_it_is_unverified_and_asks_again(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    verdict(desk, "refused")
    store(desk, pair)
    assert link(desk) == dict.fromkeys(("entered_at", "code", "reason", "checked_at", "next_at")) | {
        "state": "unverified",
        "failures": 0,
    }
    assert waiting(desk)
    events = desk.ledger.rows(
        "select type, topic, data ->> 'user_id' from private.outbox where key = %s and topic = 'account-events'",
        str(desk.account),
    )
    assert events == [("account.credentials_entered", "account-events", str(desk.user))] * 2


def _ask(desk: Desk) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call("ask_verification", "authenticated", desk.user, p_account_id=desk.account)
    return answer


def test_verification_when_asked_for_again_then_what_was_refused_is_asked_and_judged_anew(
    desk: Desk, pair: SealingPair
) -> None:
    with refused("NO_CREDENTIAL", 409):
        _ask(desk)
    store(desk, pair)
    verdict(desk, "refused")
    assert _ask(desk) == {"state": "unverified", "code": None, "reason": None}
    assert waiting(desk)
    assert desk.ledger.one("select count(*) from private.outbox where key = %s", str(desk.account)) == 2
    assert verdict(desk)["recorded"] is True
    assert link(desk)["state"] == "verified"


def test_verification_when_the_account_is_verified_then_it_stays_so_and_the_broker_is_not_asked(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    verdict(desk)
    assert _ask(desk)["state"] == "verified"
    assert desk.ledger.one("select count(*) from private.outbox where key = %s", str(desk.account)) == 1


def test_verification_when_asked_for_without_end_then_it_counts_as_entering_a_credential(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    for _ in range(19):
        _ask(desk)
    with refused("TOO_MANY_CREDENTIALS", 409):
        _ask(desk)


def test_account_when_the_data_credential_is_entered_then_nothing_is_verified_anew(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    verdict(desk)
    store(desk, register(desk.ledger, "data"), "data")
    assert link(desk)["state"] == "verified"


def test_verdict_when_it_is_of_an_older_credential_then_it_changes_nothing(desk: Desk, pair: SealingPair) -> None:
    store(desk, pair)
    older = desk.ledger.one("select trading_entered_at from public.broker_accounts where id = %s", desk.account)
    store(desk, pair)
    for state in ("verified", "refused", "unverified"):
        assert verdict(desk, state, p_entered_at=older)["recorded"] is False
    assert link(desk)["state"] == "unverified"
    assert link(desk)["failures"] == 0


def test_verdict_when_it_races_with_entering_again_then_it_never_counts_for_the_newer(
    ledger: Ledger, pair: SealingPair
) -> None:
    """Whoever is first: either the old one was verified and forgotten, or it came too late."""
    for _ in range(20):
        desk = Desk.open(ledger)
        store(desk, pair)
        entered = desk.ledger.one("select trading_entered_at from public.broker_accounts where id = %s", desk.account)
        asked = {"p_account_id": desk.account, "p_purpose": "trading", "p_key_id": pair.id}
        desk.ledger.at_once(
            *answers(
                [
                    calling("store_credentials", "authenticated", desk.user, **asked, p_sealed=sealed_for(desk, pair)),
                    calling(
                        "record_account_verification",
                        "fn_execute",
                        p_account_id=desk.account,
                        p_entered_at=entered,
                        p_state="verified",
                    ),
                ]
            )
        )
        assert link(desk)["state"] == "unverified"


def test_row_when_a_verdict_of_other_keys_is_written_past_every_function_then_postgres_refuses(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.ledger.tamper(
            "update public.broker_accounts set link_state = 'verified', link_entered_at = trading_entered_at - "
            "interval '1 second' where id = %s",
            desk.account,
        )


def test_broker_when_it_does_not_answer_then_it_is_asked_later_each_time(desk: Desk, pair: SealingPair) -> None:
    store(desk, pair)
    waits: list[timedelta] = []
    for _ in range(12):
        verdict(desk, "unverified", p_code="ALPACA_UNAVAILABLE", p_reason="it is tried again")
        assert not waiting(desk)
        waits.append(
            desk.ledger.one(
                "select date_trunc('second', link_next_at - link_checked_at + interval '0.5 s') "
                "from public.broker_accounts where id = %s",
                desk.account,
            )
        )
    assert [wait.total_seconds() for wait in waits[:4]] == [2, 4, 8, 16]
    assert waits[-1] == timedelta(minutes=5)
    desk.ledger.tamper("update public.broker_accounts set link_next_at = now() where id = %s", desk.account)
    assert waiting(desk)
    assert desk.count("alerts") == 0


@pytest.mark.parametrize("role", ["authenticated", "fn_ingest", "fn_risk", "fn_strategy", "fn_relay", "fn_api"])
def test_verdict_when_another_than_execute_gives_it_then_nothing_happens(
    role: str, desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        verdict(desk, role=role)
    assert link(desk)["state"] == "unverified"


@pytest.mark.parametrize("column", ["link_state", "link_entered_at", "link_code", "link_next_at"])
def test_link_when_its_owner_or_another_tenant_writes_it_then_permission_is_denied(
    column: str, desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    for user in (desk.user, Desk.open(desk.ledger).user):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            desk.ledger.run_as(
                "authenticated", user, f"update public.broker_accounts set {column} = {column} where id = %s",  # noqa: S608
                desk.account,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "more"),
    [("maybe", {}), ("refused", {"p_reason": ""}), ("unverified", {"p_code": None})],
)
def test_verdict_when_it_says_nothing_then_refused(
    state: str, more: dict[str, Any], desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    with refused("BAD_VERDICT", 422):
        verdict(desk, state, **more)


def test_entry_when_live_is_verified_and_not_confirmed_then_refused(ledger: Ledger, pair: SealingPair) -> None:
    live = live_desk(ledger)
    store(live, pair)
    with refused("ACCOUNT_NOT_VERIFIED", 409):
        live.place_by_hand("one")
    verdict(live)
    with refused("LIVE_NOT_CONFIRMED", 403):
        live.place_by_hand("two")
    confirm(live)
    trade = live.place_by_hand("three")
    store(live, pair)  # Consent is no word on other keys.
    answer = live.approval(trade)
    assert answer["refusal"]["code"] == "ACCOUNT_NOT_VERIFIED"
    verdict(live)
    assert live.ledger.call("claim_trade", "fn_execute", **claim_of(live_entry(live)))["claimed"]


def live_entry(live: Desk) -> Any:
    trade = live.place_by_hand("four")
    assert live.approve(trade) == "approved"
    return trade
