"""Sign-up and sign-in through Auth: closed to those who were not invited, and to those who are shut out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.stack import Stack
from tests.api.one_time_codes import code_of
from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway

_PASSWORD = "correct horse battery"
_CLIENTS = 16


@pytest.fixture
def closed(ledger: Ledger) -> Iterator[None]:
    ledger.run("select public.set_sign_up('closed')")
    yield
    ledger.run("select public.set_sign_up('open')")


def _sign_up(gateway: Gateway, email: str, **data: Any) -> httpx.Response:
    return gateway.ask("POST", "/auth/v1/signup", json={"email": email, "password": _PASSWORD, "data": data})


def _sign_in(gateway: Gateway, email: str) -> httpx.Response:
    body = {"email": email, "password": _PASSWORD}
    return gateway.ask("POST", "/auth/v1/token?grant_type=password", json=body)


@pytest.mark.usefixtures("closed")
def test_sign_up_when_closed_then_says_why_and_lets_the_invited_in_once(gateway: Gateway, ledger: Ledger) -> None:
    email = f"{uuid4()}@example.com"
    answer = _sign_up(gateway, email, desk_role="viewer", administrator=True)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "signup_disabled")
    assert answer.json()["msg"].startswith("SIGN_UP_CLOSED")
    token = ledger.one("select public.invite_user(%s, 'a desk', 'viewer')", email)["token"]
    assert _sign_up(gateway, f"{uuid4()}@example.com", invitation=token).json()["msg"].startswith("INVITATION_UNKNOWN")
    answer = _sign_up(gateway, email, invitation=token)
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    assert "invitation" not in user["user_metadata"]
    assert ledger.one("select desk_role from public.profiles where user_id = %s", user["id"]) == "viewer"
    assert _sign_up(gateway, email, invitation=token).status_code in (403, 422)


@pytest.mark.usefixtures("closed")
def test_sign_up_when_sixteen_come_with_one_invitation_then_one_user(gateway: Gateway, ledger: Ledger) -> None:
    email = f"{uuid4()}@example.com"
    token = ledger.one("select public.invite_user(%s)", email)["token"]
    with ThreadPoolExecutor(_CLIENTS) as pool:
        answers = list(pool.map(lambda _: _sign_up(gateway, email, invitation=token), range(_CLIENTS)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert set(codes[1:]) <= {403, 422}, [answer.text for answer in answers]
    assert ledger.one("select count(*) from auth.users where email = %s", email) == 1


@pytest.mark.usefixtures("closed")
def test_sign_up_when_closed_then_no_other_door_of_auth_makes_a_user(gateway: Gateway, ledger: Ledger) -> None:
    email = f"{uuid4()}@example.com"
    body = {"email": email, "create_user": True, "data": {}}
    for path in ("otp", "magiclink", "recover", "resend", "invite", "signup?redirect_to=x", "signup/"):
        gateway.ask("POST", f"/auth/v1/{path}", json=body | {"type": "signup", "password": _PASSWORD})
    made = gateway.ask(
        "POST",
        "/auth/v1/admin/users",
        gateway.stack.service_key,
        headers={"apikey": gateway.stack.service_key},
        json={"email": email, "password": _PASSWORD},
    )
    assert (made.status_code, made.json()["msg"]) == (403, "SIGN_UP_CLOSED")
    assert ledger.one("select count(*) from auth.users where email = %s", email) == 0


def test_user_when_disabled_then_neither_signs_in_nor_renews_and_the_live_token_is_worth_nothing(
    gateway: Gateway, ledger: Ledger, stack: Stack
) -> None:
    email = f"{uuid4()}@example.com"
    session = _sign_up(gateway, email).json()
    token = session["access_token"]
    assert len(gateway.ask("GET", "/rest/v1/profiles", token).json()) == 1
    ledger.run("select public.disable_user(%s, 'left')", email)
    assert gateway.ask("GET", "/rest/v1/profiles", token).json() == []
    assert gateway.ask("GET", "/rest/v1/strategy_kinds", token).json() == []
    write = gateway.ask(
        "PATCH", f"/rest/v1/profiles?user_id=eq.{session['user']['id']}", token, json={"display_name": "x"}
    )
    assert (write.status_code, write.json()["message"].split(":")[0]) == (403, "USER_DISABLED")
    order = gateway.ask("POST", "/rest/v1/rpc/place_trade", token, json={"p_order": {}})
    assert (order.status_code, order.json()["message"].split(":")[0]) == (403, "USER_DISABLED")
    renewal = {"refresh_token": session["refresh_token"]}
    assert gateway.ask("POST", "/auth/v1/token?grant_type=refresh_token", json=renewal).status_code in (400, 401, 403)
    refused = _sign_in(gateway, email)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "user_banned")
    assert ledger.one("select count(*) from auth.sessions where user_id = %s", session["user"]["id"]) == 0
    ledger.run("select public.enable_user(%s)", email)
    again = _sign_in(gateway, email)
    assert again.status_code == 200, again.text
    assert len(gateway.ask("GET", "/rest/v1/profiles", again.json()["access_token"]).json()) == 1


def test_administrator_when_granted_then_the_next_token_has_the_claim_and_the_users_own_words_never_do(
    gateway: Gateway, ledger: Ledger
) -> None:
    email = f"{uuid4()}@example.com"
    said = {"administrator": True, "app_metadata": {"administrator": True}}
    token = _sign_up(gateway, email, **said).json()["access_token"]
    for body in ({"data": said}, {"app_metadata": {"administrator": True}, "data": {}}):
        gateway.ask("PUT", "/auth/v1/user", token, json=body)
    invite = {"p_email": f"{uuid4()}@example.com"}

    def asked() -> httpx.Response:
        fresh = _sign_in(gateway, email).json()["access_token"]
        return gateway.ask("POST", "/rest/v1/rpc/invite_user", fresh, json=invite)

    assert asked().json()["message"] == "ADMINISTRATOR_NEEDED"
    ledger.run("select public.grant_administrator(%s, 'a test')", email)
    assert asked().json()["message"].startswith("SECOND_FACTOR_NEEDED"), "recognised; the password alone is not enough"


@pytest.mark.parametrize("path", ["user", "%75ser", "us%65r", "./%75%73%65%72"])
def test_password_when_the_second_factor_was_not_shown_then_stays_however_the_path_is_written(
    gateway: Gateway, path: str
) -> None:
    email = f"{uuid4()}@example.com"
    token = _sign_up(gateway, email).json()["access_token"]
    wish = {"factor_type": "totp", "friendly_name": "phone"}
    factor = gateway.ask("POST", "/auth/v1/factors", token, json=wish).json()
    asked = gateway.ask("POST", f"/auth/v1/factors/{factor['id']}/challenge", token).json()
    shown = {"challenge_id": asked["id"], "code": code_of(factor["totp"]["secret"])}
    assert gateway.ask("POST", f"/auth/v1/factors/{factor['id']}/verify", token, json=shown).status_code == 200
    thief = _sign_in(gateway, email).json()["access_token"]
    for stolen in ({"password": "a thief's own battery 1"}, {"email": f"{uuid4()}@example.com"}):
        answer = gateway.ask("PUT", f"/auth/v1/{path}", thief, json=stolen)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "insufficient_aal"), answer.text
    assert _sign_in(gateway, email).status_code == 200
