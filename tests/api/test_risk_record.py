"""What the rules said and what broke a limit: read by its owner, to the last digit."""

from __future__ import annotations

from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger


def test_decisions_when_read_by_trade_then_the_verdicts_on_it(owner: Caller, stranger: Caller, ledger: Ledger) -> None:
    (row,) = ledger.rows(
        "select trade_id, rule, verdict from public.risk_decisions where user_id = %s order by at desc limit 1",
        owner.id,
    )
    said = owner.get("/risk/decisions", params={"trade_id": str(row[0])}).json()["data"]
    assert (row[1], row[2]) in {(decision["rule"], decision["verdict"]) for decision in said}
    assert stranger.get("/risk/decisions", params={"trade_id": str(row[0])}).json()["data"] == []


def test_decisions_when_paged_then_none_is_left_out(owner: Caller, ledger: Ledger) -> None:
    count = ledger.one("select count(*) from public.risk_decisions where user_id = %s", owner.id)
    seen, cursor = [], None
    while True:
        page = owner.get("/risk/decisions", params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += [(decision["trade_id"], decision["number"]) for decision in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (len(seen), len(set(seen))) == (count, count)


def test_breaches_when_read_then_amounts_are_text_to_the_last_digit(
    owner: Caller, stranger: Caller, ledger: Ledger
) -> None:
    ledger.tamper(
        "insert into public.limit_breaches "
        "(limit_id, user_id, name, scope, happened, measured, value, act, session_date, at) "
        "values (gen_random_uuid(), %s, 'max_daily_loss', 'user', 'breached', 123456789012345678.0123456789, 1, "
        "'flatten', '2013-10-07', '2013-10-07T16:00Z')",
        owner.id,
    )
    asked = {"name": "max_daily_loss", "happened": "breached"}
    (breach,) = owner.get("/risk/breaches", params=asked).json()["data"]
    assert (breach["measured"], breach["act"]) == ("123456789012345678.0123456789", "flatten")
    assert stranger.get("/risk/breaches", params=asked).json()["data"] == []
