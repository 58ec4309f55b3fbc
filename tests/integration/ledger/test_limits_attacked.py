"""Limits as a weapon: what one trader sets, by mistake or on purpose, never hurts another, nor their own exits."""

from __future__ import annotations

from typing import Any

import pytest

from functions.core.ledger.judging import RiskLedger
from functions.core.ledger.watching import WatchLedger
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Direct


def limited(desk: Desk, name: str, value: str, **more: Any) -> None:
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    said = {"p_scope": "account", "p_scope_id": desk.account, "p_name": name, "p_value": value, "p_unit": unit}
    desk.ledger.call("set_limit", "authenticated", desk.user, **said | more)


@pytest.mark.parametrize(
    ("said", "kept"), [("0x10", "16"), ("1_000", "1000"), ("1e-40", "0"), (1e-40, "0"), (" 70 ", "70"), (70, "70")]
)
def test_limit_when_a_parameter_is_written_oddly_then_it_is_kept_as_plain_text_and_every_book_is_read(
    desk: Desk, said: Any, kept: str
) -> None:
    neighbour = Desk.open(desk.ledger)
    for each in (desk, neighbour):
        each.hold("1")
        limited(each, "max_daily_loss", "500")
    limited(desk, "max_daily_loss", "500", p_parameters={"warn_at": said})
    risk = Direct(desk.ledger, "fn_risk")
    (limit,) = RiskLedger(risk).risk_book(desk.place_exit("sell", "1")).limits  # type: ignore[union-attr]
    assert limit.parameters == {"warn_at": int(kept)}
    assert desk.ledger.one("select parameters from public.risk_limits where user_id = %s", desk.user) == {
        "warn_at": kept
    }
    assert neighbour.account in {one.broker_account_id for one in WatchLedger(risk).watch_results(NOON)}
