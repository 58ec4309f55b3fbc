"""Verifying an account: who the broker says it is, what that means for the credential, and what waits for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected, Rejected
from functions.brokers.sealing import BadSeal
from functions.core.errors import AgentTraderError, Misconfigured
from functions.execute.accounts import NotVerified
from functions.execute.submitting import Desk
from functions.execute.verifying import verified_broker, verify_accounts
from tests.unit.core.doubles import NOW, World
from tests.unit.execute.desk_made import ALICE, BOB, RULES, HandedAccounts, ScriptedBroker, account_row, desk_of
from tests.unit.execute.test_syncing import world_of

UNVERIFIED = {"link_state": "unverified", "verify_due": True}
UUID_TEXT = "11111111-1111-4111-8111-111111111111"


def world_to_verify(**account: Any) -> World:
    return world_of(
        trading_accounts=[account_row(ALICE) | UNVERIFIED | account],
        record_account_verification={"recorded": True, "state": "verified"},
    )


def verdicts(world: World) -> list[tuple[str, str | None, str | None]]:
    return [(said["p_state"], said["p_code"], said["p_reason"]) for said in world.asked("record_account_verification")]


async def test_account_when_the_broker_says_the_same_then_it_is_compared_and_then_verified() -> None:
    world = world_to_verify()
    assert await verify_accounts(desk_of(world, {ALICE: ScriptedBroker(world.journal)}), ALICE) == 1
    assert verdicts(world) == [("verified", None, None)]
    (said,) = world.asked("record_account_verification")
    assert (said["p_account_id"], said["p_entered_at"]) == (str(ALICE), NOW.isoformat())
    assert [run["p_kind"] for run in world.asked("start_reconciliation")] == ["startup"]
    journal = world.said()
    # Money, rules and positions are on record before the first entry may be placed.
    for step in ("record_account_snapshot", "record_account_rules", "record_broker_positions"):
        assert journal.index("broker.rules") < journal.index(step) < journal.index("record_account_verification")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"blocked": "account_blocked"}, "ACCOUNT_BLOCKED"),
        ({"closing_only": True}, "CLOSING_ONLY"),
    ],
)
async def test_account_when_the_broker_restricts_it_then_it_is_verified_with_that_said(
    said: dict[str, Any], code: str
) -> None:
    world = world_to_verify()
    await verify_accounts(desk_of(world, {ALICE: ScriptedBroker(world.journal, rules=replace(RULES, **said))}))
    ((state, found, reason),) = verdicts(world)
    assert (state, found) == ("verified", code)
    assert "Ask the broker" in str(reason)


@pytest.mark.parametrize(
    ("linked", "said", "code", "sentence"),
    [
        ({"account_id": "PA2"}, {}, "WRONG_ACCOUNT", "the credential is of account PA1, and PA2 is linked: link PA1"),
        ({"account_id": UUID_TEXT}, {}, "WRONG_ACCOUNT", "inner id of an account: link it by its number, PA1"),
        ({"account_id": "pa1"}, {}, "WRONG_ACCOUNT", "the credential is of account PA1"),
        ({"is_paper": False}, {}, "WRONG_ENVIRONMENT", "PA1 is a paper account, and PA1 is linked as a live one"),
        ({}, {"is_paper": False}, "WRONG_ENVIRONMENT", "is a live account"),
        ({}, {"reads_only": True}, "READS_ONLY", "enter one that may trade"),
    ],
)
async def test_account_when_the_broker_says_something_else_then_it_is_refused_and_nothing_is_read_into_the_books(
    linked: dict[str, Any], said: dict[str, Any], code: str, sentence: str
) -> None:
    world = world_to_verify(**linked)
    await verify_accounts(desk_of(world, {ALICE: ScriptedBroker(world.journal, rules=replace(RULES, **said))}))
    ((state, found, reason),) = verdicts(world)
    assert (state, found) == ("refused", code)
    assert sentence in str(reason)
    assert world.said("broker.") == ["broker.rules"]
    assert world.said("record_") == ["record_account_verification"]


@pytest.mark.parametrize(
    ("answer", "state", "code", "told"),
    [
        (BadCredentials("BAD_KEYS", "enter them again"), "refused", "BAD_KEYS", False),
        (Rejected("WRONG_ACCOUNT", "the login has no account"), "refused", "WRONG_ACCOUNT", False),
        (Rejected("40310000", "forbidden"), "refused", "40310000", False),
        (NotConnected("ALPACA_UNAVAILABLE", "no answer"), "unverified", "ALPACA_UNAVAILABLE", False),
        (BadResponse("expected a number", {}), "unverified", "BAD_BROKER_ROW", True),
    ],
)
@pytest.mark.parametrize("step", ["rules", "account"])
async def test_account_when_the_broker_refuses_or_is_silent_then_the_verdict_says_so(
    step: str, answer: AgentTraderError, state: str, code: str, told: bool
) -> None:
    world = world_to_verify()
    broker = ScriptedBroker(world.journal)
    broker.answers[step] = answer
    await verify_accounts(desk_of(world, {ALICE: broker}))
    ((found, because, reason),) = verdicts(world)
    assert (found, because) == (state, code)
    assert reason
    assert bool(world.asked("raise_alert")) is told


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (BadSeal("SEALED_FOR_ANOTHER", "sealed for another"), "refused"),
        (BadSeal("WRONG_ENVIRONMENT", "a live key"), "refused"),
        (Misconfigured("WRONG_ENDPOINT", "the live address"), "refused"),
        (Misconfigured("NO_KEYRING", "no file"), "unverified"),
    ],
)
async def test_account_when_its_credential_cannot_be_used_then_refused_unless_nobodys_can(
    error: Misconfigured, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_to_verify()

    def closed(*_: object) -> None:
        raise error

    monkeypatch.setattr(HandedAccounts, "broker_of", closed)
    await verify_accounts(desk_of(world, {}))
    assert [(found, code) for found, code, _ in verdicts(world)] == [(state, error.code)]


async def test_sweep_when_one_account_meets_a_bug_then_it_is_told_and_the_others_are_verified() -> None:
    world = world_of(
        trading_accounts=[account_row(ALICE) | UNVERIFIED, account_row(BOB) | UNVERIFIED],
        record_account_verification={"recorded": True, "state": "verified"},
    )
    broken = ScriptedBroker(world.journal, "broken", rules=ZeroDivisionError("a bug"))
    assert await verify_accounts(desk_of(world, {ALICE: broken, BOB: ScriptedBroker(world.journal)})) == 2
    assert [state for state, _, _ in verdicts(world)] == ["verified"]
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["PLATFORM_ERROR"]


async def test_sweep_when_several_are_due_then_one_that_is_silent_does_not_stop_the_others() -> None:
    world = world_of(
        trading_accounts=[
            account_row(ALICE) | UNVERIFIED,
            account_row(BOB) | UNVERIFIED,
            account_row(BOB) | UNVERIFIED | {"verify_due": False},
            account_row(BOB),
        ],
        record_account_verification={"recorded": True, "state": "verified"},
    )
    silent = ScriptedBroker(world.journal, "silent", rules=NotConnected("DOWN", "no answer"))
    assert await verify_accounts(desk_of(world, {ALICE: silent, BOB: ScriptedBroker(world.journal)})) == 2
    assert [state for state, _, _ in verdicts(world)] == ["unverified", "verified"]


class Undecided(HandedAccounts):
    """Hands a broker out once the ledger has a verdict."""

    def broker(self, account: Any) -> Any:
        if not any(name == "record_account_verification" for name, _ in self.journal):
            raise NotVerified(next(one for one in self._ledger.trading_accounts() if one.broker_account_id == account))
        return super().broker(account)

    def broker_of(self, account: Any) -> Any:
        return super().broker(account.broker_account_id)

    def __init__(self, world: World, brokers: dict[Any, Any]) -> None:
        super().__init__(world, brokers)
        self.journal = world.journal


async def test_broker_when_it_is_needed_before_the_verdict_then_the_verdict_is_brought_about() -> None:
    """So an exit does not wait for a message, nor for a sweep."""
    world = world_to_verify()
    broker = ScriptedBroker(world.journal)
    desk = Desk(world.ports, desk_of(world, {}).ledger, Undecided(world, {ALICE: broker}))
    assert await verified_broker(desk, ALICE) is broker
    assert verdicts(world) == [("verified", None, None)]
    await verified_broker(desk, ALICE)
    assert len(verdicts(world)) == 1
