"""The watch over margin: at the limit, near it, by an old word, and how much is to go."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk.watch.due import too_much
from functions.risk.watch.margin import MarginWatch, used_percent
from tests.unit.core.doubles import NOW, Turns, World

LIMIT, ACCOUNT = str(named_uuid("limit")), str(named_uuid("account"))
BROKEN = {"status": "breached", "breach_id": 1, "act": "reduce", "placed": []}


def watched(requirement: str, equity: str = "1000", **more: Any) -> dict[str, Any]:
    """A limit of 50 percent on an account."""
    return {
        "limit_id": LIMIT, "scope": "user", "broker_account_id": ACCOUNT, "value": "50", "parameters": {},
        "state": None, "today": True, "margin_requirement": requirement, "equity": equity, "as_of": NOW.isoformat(),
    } | more  # fmt: skip


def world(*found: dict[str, Any], **answers: Any) -> World:
    said = {"breach_limit": BROKEN, "warn_of_limit": True, "rearm_limit": True}
    return World({"watch_margin": list(found)} | said | answers)


@pytest.mark.parametrize(
    ("found", "call"),
    [
        (watched("500.01"), "breach_limit"),
        (watched("500"), "warn_of_limit"),
        (watched("400"), "warn_of_limit"),
        (watched("400", state="warned"), None),
        (watched("400", state="warned", today=False), "warn_of_limit"),
        (watched("399.99", state="breached"), "rearm_limit"),
        (watched("399.99"), None),
        (watched("1", "0"), "breach_limit"),
        (watched("0", "-5"), None),
        (watched("600", as_of=(NOW - timedelta(hours=120)).isoformat()), "breach_limit"),
        (watched("600", as_of=(NOW - timedelta(hours=120, seconds=1)).isoformat()), None),
    ],
)
def test_margin_watch_when_an_account_is_measured_then_only_what_is_due_is_asked(
    found: dict[str, Any], call: str | None
) -> None:
    reached = world(found)
    assert MarginWatch(reached.ports).sweep() == (call == "breach_limit")
    names = ("breach_limit", "warn_of_limit", "rearm_limit")
    assert [name for name in names if reached.asked(name)] == ([call] if call else [])


def test_margin_watch_when_it_breaks_then_the_account_and_the_part_that_is_too_much_go_along() -> None:
    reached = world(watched("800"))
    MarginWatch(reached.ports).sweep()
    (said,) = reached.asked("breach_limit")
    assert (said["p_account_id"], said["p_measured"], said["p_detail"]["part"]) == (ACCOUNT, "80", "0.375")


def test_margin_watch_when_one_fails_then_the_others_have_their_turn_and_the_failure_is_raised() -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
    reached = world(watched("800"), watched("900"), breach_limit=Turns(down, BROKEN))
    with pytest.raises(LedgerUnavailable):
        MarginWatch(reached.ports).sweep()
    assert len(reached.asked("breach_limit")) == 2


@pytest.mark.parametrize(("used", "limit"), [("80", "50"), ("50.01", "50"), ("1000000", "1"), ("3", "0")])
def test_too_much_when_it_is_closed_then_the_rest_is_within_the_limit(used: str, limit: str) -> None:
    part = too_much(Decimal(used), Decimal(limit))
    assert Decimal(0) < part <= 1
    assert Decimal(used) * (1 - part) <= Decimal(limit)


def test_used_percent_when_nothing_is_required_then_zero_whatever_the_equity() -> None:
    assert used_percent(Decimal(0), Decimal(-1)) == 0
