"""The commands of somebody who is signed in: through the generated client and the API, as a terminal would."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.cli.app import run
from local.cli.exits import Exit
from local.client import Client, models
from local.client.session import Kept
from local.stack import Stack
from tests.api.conftest import PASSWORD, Caller
from tests.integration.ledger.ledger import Ledger

EMAIL = "terminal@example.com"
Said = Callable[..., Any]


@pytest.fixture(scope="module")
def signed_up(stack: Stack, ledger: Ledger) -> str:
    """A person who can sign in by password; the address."""
    admin = {"apikey": stack.service_key, "Authorization": f"Bearer {stack.service_key}"}
    body = {"email": EMAIL, "password": PASSWORD, "email_confirm": True}
    httpx.post(f"{stack.url('gateway')}/auth/v1/admin/users", json=body, headers=admin).raise_for_status()
    return EMAIL


@pytest.fixture
def said(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command and gives what it printed as JSON."""
    monkeypatch.setenv("AGENTTRADER_STATE", str(stack.state))
    monkeypatch.setenv("AGENTTRADER_URL", stack.url("gateway"))

    def ran(*arguments: str, typed: str = "", exit_code: int = Exit.FINE) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        found = run([*arguments, "--json"])
        printed = capsys.readouterr()
        assert found == exit_code, printed
        return json.loads(printed.out.splitlines()[-1])

    return ran


@pytest.fixture(scope="module")
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody who may trade, and has done nothing yet."""
    return sign_up("terminal")


@pytest.fixture
def as_trader(trader: Caller, key_of: Callable[..., Caller], said: Said, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Commands as a program of the trader's."""
    monkeypatch.setenv("AGENTTRADER_API_KEY", str(key_of(trader, "read", "trade", "strategies").token))
    return said


@pytest.fixture
def as_owner(owner: Caller, key_of: Callable[..., Caller], said: Said, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Commands as a program of somebody who has rows in every table."""
    monkeypatch.setenv("AGENTTRADER_API_KEY", str(key_of(owner, "read", "trade").token))
    return said


def test_login_when_the_password_is_right_then_the_session_is_kept_used_and_ended(
    signed_up: str, said: Said, stack: Stack
) -> None:
    told = said("login", signed_up, "--password", "-", "--profile", "mine", typed=f"{PASSWORD}\n")
    assert (told["email"], told["level"], told["url"]) == (EMAIL, "aal1", stack.url("gateway"))
    file = stack.state / "sessions" / "mine.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert said("orders", "list", "--profile", "mine") == {"orders": [], "more": False}
    kept = Kept.read(file)
    with Client(kept.url, session=kept.session) as client:
        assert client.get_profile().version >= 1
    assert said("logout", "--profile", "mine") == {"email": EMAIL, "ended": True}
    assert not file.exists()
    assert said("positions", "--profile", "mine", exit_code=Exit.ENVIRONMENT)["error"]["code"] == "NOT_SIGNED_IN"


def test_session_when_its_access_token_ends_then_the_next_one_is_kept(signed_up: str, said: Said, stack: Stack) -> None:
    said("login", signed_up, "--password", "-", "--profile", "old", typed=f"{PASSWORD}\n")
    file = stack.state / "sessions" / "old.json"
    raw = json.loads(file.read_text())
    raw["session"]["expires_at"] = "2020-01-01T00:00:00+00:00"
    file.write_text(json.dumps(raw))
    assert said("strategies", "list", "--profile", "old")["strategies"] == []
    renewed = Kept.read(file).session
    assert renewed.refresh_token != raw["session"]["refresh_token"]
    assert not renewed.ends_soon()


def test_login_when_the_password_is_wrong_then_refused_and_nothing_is_kept(
    signed_up: str, said: Said, stack: Stack
) -> None:
    told = said(
        "login",
        signed_up,
        "--password",
        "-",
        "--profile",
        "no",
        typed="wrong password 1\n",
        exit_code=Exit.CHECK_FAILED,
    )
    assert told["error"]["code"] == "SIGN_IN_FAILED"
    assert not (stack.state / "sessions" / "no.json").exists()


def test_profile_when_its_name_is_a_path_then_wrong_use(said: Said) -> None:
    assert said("positions", "--profile", "../x", exit_code=Exit.WRONG_USE)["error"]["code"] == "BAD_PROFILE"


@pytest.fixture
def number(trader: Caller, ledger: Ledger) -> str:
    """The broker's number of the trader's account."""
    assert trader.desk is not None
    return str(ledger.one("select account_id from public.broker_accounts where id = %s", trader.desk.account))


def test_orders_when_placed_by_hand_then_listed_changed_and_cancelled(as_trader: Said, number: str) -> None:
    order = ("orders", "place", "SPY", "buy", "1", "--account", number, "--limit", "1.50", "--key", "by-hand-1")
    placed = as_trader(*order)
    assert as_trader(*order)["id"] == placed["id"]
    listed = as_trader("orders", "list", "--symbol", "SPY", "--account", number)["orders"]
    assert [(row["id"], row["price"]) for row in listed] == [(placed["id"], "1.5")]
    shown = as_trader("trades", "show", placed["id"])
    assert (shown["source"], shown["quantity"], shown["status"]) == ("manual", "1", "pending")
    refused = as_trader("orders", "replace", placed["id"], "--limit", "1.60", exit_code=Exit.CHECK_FAILED)
    assert refused["error"]["numbers"]["status"] == 409
    assert as_trader("orders", "cancel", placed["id"])["cancelled"][0]["status"] == "canceled"
    assert as_trader("orders", "cancel", "--all") == {"cancelled": []}


def test_list_when_it_is_longer_than_asked_for_then_that_is_said(as_trader: Said, number: str) -> None:
    for price in ("2", "3"):
        as_trader("orders", "place", "SPY", "buy", "1", "--account", number, "--limit", price)
    told = as_trader("trades", "list", "--last", "1")
    assert (len(told["trades"]), told["more"]) == (1, True)


def test_strategy_when_deactivated_by_its_name_then_it_says_what_is_open(as_trader: Said) -> None:
    (first, *_) = as_trader("strategies", "list")["strategies"]
    stopped = as_trader("strategies", "deactivate", first["name"])
    assert (stopped["strategy_id"], stopped["then"]) == (first["id"], "leave")
    missing = as_trader("strategies", "activate", "none such", exit_code=Exit.CHECK_FAILED)
    assert missing["error"]["code"] == "NO_SUCH_STRATEGY"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("orders", "cancel"), "BAD_CANCEL"),
        (("orders", "cancel", "7"), "BAD_ID"),
        (("orders", "replace", "0198c0de-0000-7000-8000-000000000000"), "NOTHING_TO_CHANGE"),
        (("api", "POST", "/orders", "--body", "{"), "NOT_JSON"),
    ],
)
def test_command_when_used_wrongly_then_said_before_anything_is_asked(
    as_owner: Said, arguments: tuple[str, ...], code: str
) -> None:
    assert as_owner(*arguments, exit_code=Exit.WRONG_USE)["error"]["code"] == code


def test_order_when_a_value_is_none_then_wrong_use_with_the_field(as_trader: Said, number: str) -> None:
    told = as_trader("orders", "place", "SPY", "buy", "many", "--account", number, exit_code=Exit.WRONG_USE)
    assert told["error"]["code"] == "BAD_VALUE"
    assert "quantity" in told["error"]["text"]


def test_lists_when_asked_as_a_program_then_rows_of_its_owner(as_owner: Said) -> None:
    for command, name in (
        (["trades", "list"], "trades"),
        (["positions"], "positions"),
        (["alerts", "list", "--all"], "alerts"),
    ):
        assert as_owner(*command)[name], command


def test_alert_when_acknowledged_then_among_the_open_ones_no_more(
    as_owner: Said, owner: Caller, ledger: Ledger
) -> None:
    alert = "insert into public.alerts (id, user_id, code, severity, text) values (%s, %s, 'SEEN', 'info', 'Look.')"
    ledger.run(alert, uuid4(), owner.id)
    (found,) = [row for row in as_owner("alerts", "list")["alerts"] if row["code"] == "SEEN"]
    assert as_owner("alerts", "acknowledge", found["id"])["acknowledged_at"]
    assert found["id"] not in {row["id"] for row in as_owner("alerts", "list")["alerts"]}


def test_api_when_a_route_has_no_command_then_called_as_it_is(as_owner: Said) -> None:
    told = as_owner("api", "GET", "/strategy-kinds")
    assert told["status"] == 200
    assert models.StrategyKinds.model_validate(told["body"]).data
