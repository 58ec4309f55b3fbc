"""The local studio: an administrator's, on this machine, from its own page; and what they change is in their name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from local.cli.admin_commands import studio_link
from local.cli.app import run
from local.cli.exits import Exit
from local.stack import Stack
from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.people import new_administrator
from tests.security.conftest import Person

PAGES = ("/editor", "/editor/admin.overview", "/_system/info", "/_system/introspect", "/static/favicon.ico")


class Browser:
    """What a browser sends from the studio's own page."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.url("gateway")
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        own = {"origin": self.url, "sec-fetch-site": "same-origin"}
        return self.http.request(method, path, headers=own | (headers or {}), **more)

    def rows(self, view: str, query: str = "select=*", schema: str = "admin") -> list[dict[str, Any]]:
        answer = self.ask("GET", f"/rest/v1/{view}?{query}", headers={"accept-profile": schema})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def change(self, view: str, row: str, values: dict[str, Any], schema: str = "admin") -> httpx.Response:
        return self.ask("PATCH", f"/rest/v1/{view}?id=eq.{row}", headers={"content-profile": schema}, json=values)


@pytest.fixture(scope="module")
def administrator(ledger: Ledger, owner: Person, thief: Person) -> Iterator[Person]:
    del thief
    other = new_administrator(ledger)
    ledger.run("select public.grant_administrator(%s, 'the studio is tested')", owner.id)
    yield owner
    assert other != owner.desk.user, "the last one stays"
    ledger.run("select public.revoke_administrator(%s, 'the studio was tested')", owner.id)


@pytest.fixture(scope="module")
def browser(stack: Stack, administrator: Person) -> Iterator[Browser]:
    """Signed in by the link of the command line."""
    opened = Browser(stack)
    answer = opened.http.get(studio_link(stack, administrator.id), headers={"sec-fetch-site": "none"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/editor/admin.overview"), answer.text
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="))
    yield opened
    opened.http.close()


def _stranger(stack: Stack) -> Browser:
    return Browser(stack)


# --- in ---------------------------------------------------------------------------------------------------------------


def test_studio_when_an_administrator_sits_there_then_pages_and_views_are_served(browser: Browser) -> None:
    page = browser.ask("GET", "/editor/admin.overview")
    assert page.status_code == 200
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert browser.ask("GET", path).status_code == 200, path
    assert browser.ask("GET", "/_system/info").json() == {"admin": True, "config": {}}
    listed = browser.ask("GET", "/_system/introspect").json()
    shown = {f"{table['schema']}.{table['name']}" for table in listed["tables"]}
    assert shown >= {"admin.overview", "admin.gates", "admin.limits", "admin.users", "public.trading_gates"}
    assert {table["schema"] for table in listed["tables"]} == {"public", "admin"}
    assert {column["table"] for column in listed["columns"] if column["schema"] == "admin"} >= {"gates", "users"}
    for schema, table in (name.split(".") for name in shown):
        assert (
            browser.ask("GET", f"/rest/v1/{table}?select=*&limit=1", headers={"accept-profile": schema}).status_code
            == 200
        ), table
    for answer in (page, browser.ask("GET", "/rest/v1/overview", headers={"accept-profile": "admin"})):
        assert not [name for name in answer.headers if name.startswith("access-control")], "no other page may read it"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_studio_when_a_halt_is_engaged_there_then_it_acts_and_names_the_administrator(
    browser: Browser, administrator: Person, ledger: Ledger
) -> None:
    gate = f"user:{administrator.id}"
    said = browser.change("gates", gate, {"closed": True, "reason": "seen in the studio"})
    assert said.status_code == 200, said.text
    assert [row["id"] for row in browser.rows("open_halts")].count(gate) == 1
    who = f"studio:{administrator.email}"
    assert ledger.rows(
        "select action, reason, by_whom from public.trading_halts where gate_key = %s order by id desc limit 1", gate
    ) == [("engaged", "seen in the studio", who)]
    assert (
        ledger.one(
            "select actor from public.audit_log where table_name = 'trading_gates' and row_id = %s "
            "order by at desc limit 1",
            gate,
        )
        == who
    )
    lifted = browser.change("gates", gate, {"closed": False, "reason": "seen and lifted"})
    assert lifted.status_code == 200, lifted.text
    assert not ledger.one("select closed from public.trading_gates where gate_key = %s", gate)


def test_studio_when_a_limit_or_a_user_is_changed_there_then_the_triggers_act(
    browser: Browser, administrator: Person, ledger: Ledger
) -> None:
    # Somebody whom no other test needs: whoever is shut out loses their sessions.
    somebody = new_user(ledger)
    limit = str(
        ledger.one(
            "select public.set_limit('account', %s, 'capital_limit', '1000', 'dollars')", administrator.desk.account
        )
    )
    assert browser.change("limits", limit, {"value": "500"}).status_code == 200
    assert ledger.rows("select value, changed_by from public.risk_limits where id = %s", limit)[0][0] == 500
    # The desk is other tests' too, and they run in any order.
    ledger.run("select public.remove_limit('account', %s, 'capital_limit')", administrator.desk.account)
    refused = browser.change("users", str(somebody), {"disabled": True})
    assert (refused.status_code, refused.json()["message"].split(":")[0]) == (422, "REASON_NEEDED")
    assert browser.change("users", str(somebody), {"disabled": True, "disabled_reason": "tried"}).status_code == 200
    assert ledger.one("select banned_until > now() from auth.users where id = %s", somebody)
    assert browser.change("users", str(somebody), {"disabled": False}).status_code == 200


def test_studio_when_no_row_is_changed_then_says_so(browser: Browser) -> None:
    """The page shows what it sent as made, unless it hears that it was not."""
    answer = browser.change("gates", "undefined", {"closed": True, "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_ROW_CHANGED")
    keyed = {key["table"] for key in browser.ask("GET", "/_system/introspect").json()["primary_keys"]}
    assert "trading_gates" not in keyed, "its key is not called id: the page could not name the row"
    assert keyed >= {"gates", "limits", "users"}


@pytest.mark.parametrize(
    ("method", "path", "schema", "body"),
    [
        ("PATCH", "/rest/v1/trades?status=eq.filled", "public", {"quantity": "1"}),
        ("PATCH", "/rest/v1/audit_log?sequence=eq.1", "public", {"actor": "nobody"}),
        ("DELETE", "/rest/v1/alerts?severity=neq.x", "public", None),
        ("DELETE", "/rest/v1/risk_limits?scope=neq.x", "public", None),
        ("POST", "/rest/v1/fills", "public", {"quantity": "1"}),
        ("GET", "/rest/v1/administrators?select=*", "private", None),
        ("GET", "/rest/v1/users?select=encrypted_password", "auth", None),
        ("POST", "/rest/v1/rpc/approve_trade", "public", {}),
        ("GET", "/_system/config", "public", None),
        ("GET", "/static/../index.js", "public", None),
        ("GET", "/static/%2e%2e/index.js", "public", None),
    ],
)
def test_studio_when_asked_for_more_than_an_administrators_work_then_refused(
    browser: Browser, method: str, path: str, schema: str, body: Any
) -> None:
    headers = {"accept-profile": schema, "content-profile": schema}
    answer = browser.ask(method, path, headers=headers, json=body)
    assert answer.status_code in (400, 401, 403, 404, 406), (answer.status_code, answer.text)
    assert "postgresql://" not in answer.text


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/_system/config"])
def test_studio_when_without_a_cookie_then_refused(stack: Stack, path: str) -> None:
    answer = _stranger(stack).ask("GET", path)
    assert answer.status_code == 403
    assert "postgres" not in answer.text


def test_studio_when_the_cookie_is_forged_then_refused(stack: Stack, administrator: Person) -> None:
    claims = {"purpose": "session", "sub": administrator.id, "email": "x", "exp": 4_000_000_000}
    link = urlsplit(studio_link(stack, administrator.id)).query.removeprefix("link=")
    for token in (
        jwt.encode(claims, stack.secrets.jwt_secret, "HS256"),
        jwt.encode(claims, "", "none"),
        jwt.encode(claims, "x" * 32, "HS256"),
        administrator.token,
        stack.service_key,
        link,
    ):
        for path in ("/editor", "/rest/v1/gates"):
            answer = _stranger(stack).ask("GET", path, headers={"cookie": f"agenttrader_studio={token}"})
            assert answer.status_code in (401, 403), (path, answer.text)


def test_studio_when_its_cookie_is_used_as_a_token_of_the_api_then_nobody(browser: Browser, stack: Stack) -> None:
    cookie = browser.http.cookies["agenttrader_studio"]
    headers = {"apikey": stack.publishable_key, "authorization": f"Bearer {cookie}"}
    assert httpx.get(f"{browser.url}/rest/v1/trades", headers=headers).status_code == 401
    for role in ("studio", "studio_login"):
        token = stack.token(role)
        answer = httpx.get(f"{browser.url}/rest/v1/trades", headers=headers | {"authorization": f"Bearer {token}"})
        assert answer.status_code in (400, 401, 403), answer.text


def test_link_when_used_twice_old_or_for_somebody_else_then_refused(
    stack: Stack, administrator: Person, thief: Person
) -> None:
    link = studio_link(stack, administrator.id)
    codes = [httpx.get(link).status_code for _ in range(3)]
    assert codes == [303, 403, 403]
    assert httpx.get(studio_link(stack, thief.id)).status_code == 403, "not an administrator"
    query = urlsplit(link).query.removeprefix("link=")
    forged = jwt.encode(jwt.decode(query, options={"verify_signature": False}) | {"jti": "new"}, "x" * 32, "HS256")
    assert httpx.get(link.replace(query, forged)).status_code == 403
    assert httpx.head(studio_link(stack, administrator.id)).status_code == 403, "a look ahead does not use it up"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1"},
        {"host": "localhost.evil.example:1"},
        {"x-forwarded-for": "203.0.113.9"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_studio_when_asked_by_another_page_host_or_machine_then_refused(
    browser: Browser, administrator: Person, ledger: Ledger, headers: dict[str, str]
) -> None:
    gate = f"user:{administrator.id}"
    for answer in (
        browser.ask("GET", "/editor", headers=headers),
        browser.ask("GET", "/rest/v1/users", headers=headers | {"accept-profile": "admin"}),
        browser.ask(
            "PATCH",
            f"/rest/v1/gates?id=eq.{gate}",
            headers=headers | {"content-profile": "admin"},
            json={"closed": True, "reason": "forged"},
        ),
    ):
        assert answer.status_code == 403, answer.text
        assert not answer.headers.get("access-control-allow-origin")
    assert not ledger.one("select closed from public.trading_gates where gate_key = %s", gate)


def test_studio_when_a_writing_request_has_no_origin_then_refused(browser: Browser, administrator: Person) -> None:
    """A form of another page may come without one."""
    answer = browser.http.request(
        "PATCH",
        f"/rest/v1/gates?id=eq.user:{administrator.id}",
        headers={"content-profile": "admin", "content-type": "text/plain"},
        content=json.dumps({"closed": True, "reason": "forged"}),
    )
    assert answer.status_code == 403


def test_studio_when_the_administrator_is_revoked_then_out_at_once(
    stack: Stack, administrator: Person, thief: Person, ledger: Ledger
) -> None:
    ledger.run("select public.grant_administrator(%s, 'for a moment')", thief.id)
    theirs = _stranger(stack)
    assert theirs.http.get(studio_link(stack, thief.id)).status_code == 303
    assert theirs.ask("GET", "/editor").status_code == 200
    ledger.run("select public.revoke_administrator(%s, 'over')", thief.id)
    for path in ("/editor", "/rest/v1/users"):
        assert theirs.ask("GET", path, headers={"accept-profile": "admin"}).status_code == 403
    assert administrator.id


def test_studio_when_left_then_the_cookie_goes(stack: Stack, administrator: Person) -> None:
    theirs = _stranger(stack)
    assert theirs.http.get(studio_link(stack, administrator.id)).status_code == 303
    assert theirs.ask("GET", "/studio/leave").status_code == 200
    assert theirs.ask("GET", "/editor").status_code == 403


# --- the commands -----------------------------------------------------------------------------------------------------


def test_commands_of_administration_when_run_then_the_ledger_acts_and_names_who_is_at_the_machine(
    stack: Stack, administrator: Person, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> Any:
        code = run([*arguments, "--json", "--state", str(stack.state)])
        shown = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (code == Exit.FINE) == ("error" not in shown), shown
        return shown

    email = f"{uuid4()}@example.com"
    assert len(said("admin", "invite", email, "--desk", "command line", "--role", "viewer")["answer"]["token"]) == 64
    user = uuid4()
    ledger.run("insert into auth.users (id, email) values (%s, %s)", user, email)
    said("admin", "desk", email, "command line", "--role", "viewer")
    assert "undeclared" not in ledger.one(
        "select actor from public.audit_log where table_name = 'profiles' and user_id = %s "
        "order by sequence desc limit 1",
        user,
    )
    assert said("studio", email)["error"]["code"] == "NO_ADMINISTRATOR"
    said("admin", "grant", email)
    link = said("studio", email)["link"]
    assert httpx.get(link).status_code == 303
    assert said("studio")["error"]["code"] == "WHICH_ADMINISTRATOR", "there are several"
    assert said("admin", "disable", email, "--reason", "left")["error"]["code"] == "IS_ADMINISTRATOR"
    said("admin", "revoke", email, "--reason", "left")
    said("admin", "disable", email, "--reason", "left")
    assert ledger.one("select disabled from public.profiles where user_id = %s", user)
    said("admin", "enable", email)
    said("admin", "sign-up", "open")
    assert administrator.id


def test_person_when_added_on_the_command_line_then_signed_up_once_and_no_administrator(
    stack: Stack, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    email = f"{uuid4()}@example.com"
    arguments = ["admin", "add", email, "--json", "--state", str(stack.state)]
    assert run(arguments) == Exit.FINE
    added = json.loads(capsys.readouterr().out)
    assert ledger.one("select count(*) from public.profiles where user_id = %s", UUID(added["user"])) == 1
    signed_in = httpx.post(
        f"{stack.url('gateway')}/auth/v1/token?grant_type=password",
        headers={"apikey": stack.publishable_key},
        json={"email": email, "password": added["password"]},
    )
    assert signed_in.status_code == 200, signed_in.text
    assert run(arguments) == Exit.CHECK_FAILED
    again = json.loads(capsys.readouterr().out)["error"]
    assert again["code"] == "NOT_SIGNED_UP"
    assert again["text"] == f"{email} was not signed up: A user with this email address has already been registered"
    assert run(["studio", email, "--state", str(stack.state)]) == Exit.CHECK_FAILED
    assert f"{email} is no administrator here" in capsys.readouterr().err
