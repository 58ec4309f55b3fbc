"""Previewing an order, the story of a trade, the kill switch and limits, by the command line in a running cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from local.cli import demo_trader
from local.cli.app import run
from local.cli.exits import Exit
from tests.integration.cli.conftest import Running, shown

# A cloud that trades is a minute to begin; each command has its own tests in tests/unit/local.
pytestmark = [pytest.mark.usefixtures("traded"), pytest.mark.long]


def rows(running: Running, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(running.stack.database_url) as connection:
        return connection.execute(query.encode(), values).fetchall()


@pytest.fixture
def account(running: Running) -> str:
    """The number of the demo's account at Alpaca."""
    query = "select account_id from public.broker_accounts where broker = 'alpaca' and label = 'Demo account'"
    ((number,),) = rows(running, query)
    return str(number)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = Exit.FINE) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == exit_code, capsys.readouterr()
    return shown(capsys)


@contextmanager
def nothing_placed(running: Running) -> Iterator[None]:
    counted = "select (select count(*) from public.trades), (select count(*) from public.audit_log)"
    before = rows(running, counted)
    yield
    assert rows(running, counted) == before


def test_preview_when_asked_then_every_rule_speaks_and_nothing_is_placed(
    running: Running, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("risk", "preview", "--account", account, "SPY", "buy")
    with nothing_placed(running):
        allowed = said(capsys, *asked, "1")
        assert (allowed["verdict"], allowed["quantity"], allowed["step"]) == ("allow", "1", "recheck")
        assert {"GATE_CLOSED", "STALE_QUOTE", "CAPITAL_LIMIT"} <= {rule["rule"] for rule in allowed["rules"]}
        denied = said(capsys, *asked, "100000", exit_code=Exit.CHECK_FAILED)
        assert denied["verdict"] == "deny"
        assert denied["code"] in {rule["rule"] for rule in denied["rules"] if rule["verdict"] == "deny"}
        spread = ("--leg", "sell SPY180216C00280000", "--limit", "1")
        legs = ("risk", "preview", "--account", account, "SPY180216C00275000", "buy", "1")
        assert said(capsys, *legs, *spread, exit_code=Exit.CHECK_FAILED)["verdict"] in ("wait", "deny")
        bad = said(capsys, *asked, "0", exit_code=Exit.CHECK_FAILED)
        assert (bad["step"], bad["code"]) == ("placing", "BAD_ORDER")
    assert run([*asked, "100000"]) == Exit.CHECK_FAILED
    printed = capsys.readouterr().out
    assert "DENIED" in printed
    assert denied["do"] in printed


def test_preview_risk_when_the_token_is_wrong_or_anothers_then_nothing_is_told(running: Running) -> None:
    url = f"{running.stack.url('functions')}/preview_risk"
    ((mine, owner),) = rows(
        running, "select id, user_id from public.broker_accounts where broker = 'alpaca' and label = 'Demo account'"
    )
    order = {"broker_account_id": str(mine), "symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}
    order |= {"quantity": "1"}

    def asked(token: str | None) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = httpx.post(url, json=order, headers=headers, timeout=30)
        found = answer.json()
        return answer.status_code, found["code"] or found["verdict"]

    person = {"aud": "authenticated"}
    stack = running.stack
    assert asked(stack.token("authenticated", sub=str(owner), **person)) == (200, "allow")
    assert asked(None) == (401, "NO_TOKEN")
    assert asked("not.a.token")[0] == 401
    assert asked(stack.token("authenticated", sub=str(owner), exp=1_700_000_001, **person))[0] == 401
    assert asked(stack.publishable_key)[0] == 401
    assert asked(stack.token("fn_risk"))[0] == 401
    stranger = UUID(httpx_sign_up(running))
    assert asked(stack.token("authenticated", sub=str(stranger), **person)) == (200, "NO_SUCH_ACCOUNT")
    # A program that only edits strategies.
    key = str(uuid4())
    scoped = {"scopes": ["strategies"], "api_key_id": key, "session_id": key}
    assert asked(stack.token("authenticated", sub=str(owner), **person, **scoped)) == (403, "SCOPE_NEEDED")


def httpx_sign_up(running: Running) -> str:
    """A stranger, signed up."""
    headers = {"apikey": running.stack.service_key, "Authorization": f"Bearer {running.stack.service_key}"}
    body = {"email": f"{uuid4()}@example.com", "password": "a password", "email_confirm": True}
    answer = httpx.post(f"{running.stack.url('gateway')}/auth/v1/admin/users", json=body, headers=headers, timeout=30)
    return str(answer.json()["id"])


def test_why_when_a_trade_is_named_then_its_story_and_a_strategy_as_before(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select client_order_id, id from public.trades where status = 'filled' order by placed_number limit 1"
    ((client_order_id, trade),) = rows(running, query)
    story = said(capsys, "why", client_order_id[:20])
    assert story["trade"]["id"] == str(trade)
    assert story["decision"]["reason"]
    assert [step["to_status"] for step in story["steps"]][-1] == "filled"
    assert all(fill["slippage"] is not None for fill in story["fills"])
    assert run(["why", str(trade)]) == Exit.FINE
    printed = capsys.readouterr().out
    for heading in ("Decided", "Judged with", "Steps", "At the broker", "Fills"):
        assert heading in printed
    ((name,),) = rows(running, "select name from public.strategies order by created_at limit 1")
    assert "symbols" in said(capsys, "why", str(name), "--email", demo_trader.EMAIL)


def test_exits_when_set_here_then_listed_changed_and_cancelled_as_the_owner(
    running: Running, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: tuple[str, ...] = ("exits", "set", "QQQ", "--account", account, "--stop", "1")
    assert said(capsys, *asked, exit_code=Exit.CHECK_FAILED)["error"]["code"] == "NO_POSITION"
    held = rows(
        running,
        "select r.symbol, s.name, r.quantity > 0, trim_scale(r.mark)::text from public.position_results as r "
        "join public.strategies as s on s.id = r.strategy_id join public.broker_accounts as a "
        "on a.id = r.broker_account_id where a.account_id = %s and r.quantity <> 0 limit 1",
        account,
    )
    if not held:
        pytest.skip("nothing is held at this minute of the tape")
    ((symbol, strategy, long, mark),) = held
    far = str(float(mark) * (0.5 if long else 2))
    asked = ("exits", "set", symbol, "--account", account, "--strategy", strategy, "--email", demo_trader.EMAIL)
    exit_id = said(capsys, *asked, "--stop", far)["exit"]
    assert said(capsys, *asked, "--trail-percent", "50", "--held", "broker")["exit"] == exit_id
    assert run(["exits", "list"]) == Exit.FINE
    assert f"{symbol} of {strategy}, " in (printed := capsys.readouterr().out)
    assert "50 % behind the best price, resting at the broker too" in printed
    (listed,) = said(capsys, "exits", "list", "--account", account, "--email", demo_trader.EMAIL)["exits"]
    assert (listed["id"], listed["stop_price"], listed["trail_percent"]) == (exit_id, None, "50")
    ((actor,),) = rows(
        running, "select actor from public.audit_log where table_name = 'position_exits' order by sequence desc limit 1"
    )
    assert f"user:{row_owner(running, account)}" in actor
    assert said(capsys, "exits", "cancel", exit_id)["canceled"] is True
    assert said(capsys, "exits", "cancel", exit_id, exit_code=Exit.CHECK_FAILED)["canceled"] is False


def test_halt_when_engaged_here_then_it_says_what_is_blocked_and_lifting_ends_it(
    running: Running, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = ("--scope", "account", account)
    assert run(["halt", *scope, "--reason", "a test"]) == Exit.FINE
    printed = capsys.readouterr().out
    for sentence in ("HALTED", "Blocked from this moment", "Still pass", "Lift it with: agenttrader halt lift"):
        assert sentence in printed
    entry = ("risk", "preview", "--account", account, "SPY", "buy", "1")
    refused = said(capsys, *entry, exit_code=Exit.CHECK_FAILED)
    assert (refused["step"], refused["code"]) == ("placing", "GATE_CLOSED")
    (halted,) = said(capsys, "halt", "status", account, "--scope", "account")["halts"]
    assert (halted["mode"], halted["reason"], halted["complete"]) == ("no_new_entries", "a test", True)
    assert "agenttrader halt, " in halted["engaged_by"], "whoever is at the machine is named"
    assert said(capsys, "halt", "lift", *scope, "--reason", "the test is over")["was_closed"]
    found = said(capsys, "halt", "status", account, "--scope", "account", "--last", "5")
    assert found["halts"] == []
    assert [row["action"] for row in found["history"]] == ["lifted", "engaged"]
    assert said(capsys, *entry)["verdict"] == "allow"
    again = said(capsys, "halt", "lift", *scope, "--reason", "once more")
    assert not again["was_closed"]


def test_limits_when_set_here_then_listed_used_kept_in_history_and_removed(
    running: Running, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    of = ("--scope", "user", "--email", demo_trader.EMAIL)
    assert said(capsys, "limits", "set", "max_loss_per_trade", "5000000", *of)["unit"] == "dollars"
    listed = said(capsys, "limits", "list", "max_loss_per_trade")["limits"]
    mine = [(row["of"], row["value"], row["set_by"]) for row in listed if row["scope"] == "user"]
    assert mine == [(demo_trader.EMAIL, "5000000", "owner")]
    said(capsys, "limits", "set", "max_loss_per_trade", "0.01", *of)
    denied = said(capsys, "risk", "preview", "--account", account, "SPY", "buy", "1", exit_code=Exit.CHECK_FAILED)
    assert denied["code"] == "MAX_LOSS_PER_TRADE"
    assert said(capsys, "limits", "remove", "max_loss_per_trade", *of)["removed"]
    assert not said(capsys, "limits", "remove", "max_loss_per_trade", *of, exit_code=Exit.CHECK_FAILED)["removed"]
    changes = said(capsys, "limits", "history", "max_loss_per_trade", "--last", "3")["history"]
    assert [(row["before"], row["value"]) for row in changes] == [
        ("0.01", None),
        ("5000000", "0.01"),
        (None, "5000000"),
    ]
    assert all(f"user:{row_owner(running, account)}" in row["actor"] for row in changes)
    # Without an address it is the machine's owner: an administrator's limit, which its trader does not change.
    theirs = ("--scope", "user", "--of", demo_trader.EMAIL)
    said(capsys, "limits", "set", "max_loss_per_trade", "100", *theirs)
    refused = said(capsys, "limits", "set", "max_loss_per_trade", "200", *of, exit_code=Exit.CHECK_FAILED)
    assert refused["error"]["code"] == "ADMINISTRATOR_NEEDED"
    bad = said(
        capsys, "limits", "set", "max_loss_per_trade", "5", *theirs, "--parameter", "odd=1", exit_code=Exit.CHECK_FAILED
    )
    assert bad["error"]["code"] == "BAD_LIMIT_PARAMETER"
    assert said(capsys, "limits", "remove", "max_loss_per_trade", *theirs)["removed"]


def row_owner(running: Running, account: str) -> UUID:
    ((owner,),) = rows(running, "select user_id from public.broker_accounts where account_id = %s", account)
    return UUID(str(owner))


def test_limits_kinds_when_asked_then_unit_default_and_direction(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {kind["name"]: kind for kind in said(capsys, "limits", "kinds")["kinds"]}
    stale = kinds["stale_quote"]
    assert (stale["unit"], stale["default"], stale["tighter"]) == ("seconds", "120", "lower")
    assert json.dumps(kinds)
