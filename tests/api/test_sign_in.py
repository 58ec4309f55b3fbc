"""Signing up, in and out, new passwords, and the second factor, through the API."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from local.stack import Stack
from tests.api.conftest import PASSWORD, Caller
from tests.api.mails import mailed_code
from tests.api.one_time_codes import code_of, wrong_code
from tests.integration.ledger.ledger import Ledger


@pytest.fixture(autouse=True)
def _fresh_rates(ledger: Ledger) -> None:
    """Every test comes from one address: what others guessed is forgotten."""
    ledger.run("delete from private.rate_limits where bucket like 'api:ip:%%'")


@pytest.fixture(scope="module")
def ann(nobody: Caller) -> Caller:
    return _signed_up(nobody)


def _address() -> str:
    return f"{uuid4()}@example.com"


def _signed_up(nobody: Caller) -> Caller:
    email = _address()
    answer = nobody.post("/auth/signup", {"email": email, "password": PASSWORD, "display_name": "Ann"})
    assert answer.status_code == 201, answer.text
    return Caller(nobody.http, answer.json()["session"]["access_token"], email=email)


def _log_in(nobody: Caller, email: str, password: str = PASSWORD) -> httpx.Response:
    return nobody.post("/auth/login", {"email": email, "password": password})


def _session(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    assert answer.json()["detail"]
    return answer.status_code, answer.json()["code"]


def _spend(ledger: Ledger, bucket: str) -> None:
    """Nothing is left, and nothing comes back while the test runs, however long."""
    spent = (
        "update private.rate_limits set tokens = 0, filled_at = now() + interval '1 hour' where bucket = %s returning 1"
    )
    assert ledger.one(spent, bucket) == 1


def test_sign_up_when_open_then_signed_in_and_the_profile_is_there(ann: Caller) -> None:
    profile = ann.get("/user/profile")
    assert profile.status_code == 200, profile.text
    seen = profile.json()
    assert (seen["email"], seen["display_name"], seen["level"]) == (ann.email, "Ann", "aal1")
    assert (seen["desk_id"], seen["desk_role"], seen["administrator"]) == (None, "trader", False)
    assert profile.headers["ETag"] == f'"{seen["version"]}"'


def test_sign_up_when_the_address_is_taken_or_the_password_weak_then_refused_with_what_to_do(
    ann: Caller, nobody: Caller
) -> None:
    taken = nobody.post("/auth/signup", {"email": ann.email, "password": PASSWORD})
    assert _problem(taken) == (409, "CANNOT_SIGN_UP")
    assert "reset the password" in taken.json()["todo"]
    weak = nobody.post("/auth/signup", {"email": _address(), "password": "short"})
    assert _problem(weak) == (422, "MALFORMED")
    assert weak.json()["errors"][0]["field"] == "body.password"


@pytest.fixture
def closed(ledger: Ledger) -> Iterator[None]:
    ledger.run("select public.set_sign_up('closed')")
    yield
    ledger.run("select public.set_sign_up('open')")


@pytest.mark.usefixtures("closed")
def test_sign_up_when_closed_then_an_invitation_opens_it_to_its_address_once(nobody: Caller, ledger: Ledger) -> None:
    email = _address()
    asked = {"email": email, "password": PASSWORD}
    assert _problem(nobody.post("/auth/signup", asked)) == (403, "SIGN_UP_CLOSED")
    token = ledger.one("select public.invite_user(%s) ->> 'token'", email)
    other = nobody.post("/auth/signup", asked | {"email": _address(), "invitation": token})
    assert _problem(other) == (403, "INVITATION_UNKNOWN")
    assert "ask an administrator" in other.json()["todo"]
    assert nobody.post("/auth/signup", asked | {"invitation": token}).status_code == 201


def test_login_when_the_password_is_wrong_or_nobody_has_the_address_then_the_same_answer(
    ann: Caller, nobody: Caller
) -> None:
    wrong, unknown = _log_in(nobody, ann.email, "not the one 1"), _log_in(nobody, _address())
    assert _problem(wrong) == (401, "SIGN_IN_FAILED")

    def said(answer: httpx.Response) -> dict[str, Any]:
        return {key: value for key, value in answer.json().items() if key != "request_id"}

    assert (unknown.status_code, said(unknown)) == (wrong.status_code, said(wrong))


def test_login_when_its_user_is_shut_out_then_the_same_answer_as_for_a_wrong_password(
    nobody: Caller, ledger: Ledger
) -> None:
    bob = _signed_up(nobody)
    ledger.run("select public.disable_user(%s, 'a test')", bob.email)
    assert _problem(_log_in(nobody, bob.email)) == (401, "SIGN_IN_FAILED")


def test_login_when_guessed_too_often_then_429_for_that_person_alone(
    ann: Caller, nobody: Caller, ledger: Ledger
) -> None:
    email = _address()
    guessed = _log_in(nobody, email)
    policy = re.fullmatch(r'"sign_in_email";q=(\d+);w=300', guessed.headers["RateLimit-Policy"])
    assert policy is not None
    assert guessed.status_code == 401
    tokens = "select tokens from private.rate_limits where bucket like %s"
    bucket = f"api:email:{hashlib.sha256(email.encode()).hexdigest()[:32]}:sign_in_email"
    assert ledger.one(tokens, bucket) == int(policy[1]) - 1, "by whom it was at; no address stands there"
    assert ledger.one(tokens, "api:ip:%:sign_in") == 3 * int(policy[1]) - 1, "by where it came from"
    _spend(ledger, bucket)
    refused = _log_in(nobody, email.upper().replace("EXAMPLE.COM", "example.com"))
    assert _problem(refused) == (429, "TOO_MANY_REQUESTS")
    assert refused.headers["RateLimit-Policy"] == guessed.headers["RateLimit-Policy"]
    assert int(refused.headers["Retry-After"]) > 0
    assert _log_in(nobody, ann.email).status_code == 200, "another person is not locked out by it"


def test_session_when_refreshed_and_signed_out_then_its_refresh_token_buys_nothing_more(
    ann: Caller, nobody: Caller
) -> None:
    first = _session(_log_in(nobody, ann.email))
    second = _session(nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]}))
    assert second["refresh_token"] != first["refresh_token"]
    signed_in = Caller(nobody.http, second["access_token"])
    assert signed_in.post("/auth/logout", {"scope": "local"}).status_code == 204
    assert _problem(nobody.post("/auth/refresh", {"refresh_token": second["refresh_token"]})) == (401, "SESSION_OVER")
    assert signed_in.post("/auth/logout", {}).status_code == 204, "ended before is ended"
    assert ann.get("/auth/factors").status_code == 200, "the other session goes on"


def test_session_when_signed_out_everywhere_then_every_one_has_ended(nobody: Caller) -> None:
    bob = _signed_up(nobody)
    other = _session(_log_in(nobody, bob.email))
    assert bob.post("/auth/logout", {"scope": "global"}).status_code == 204
    assert _problem(nobody.post("/auth/refresh", {"refresh_token": other["refresh_token"]})) == (401, "SESSION_OVER")


def test_session_when_it_has_ended_then_its_access_token_makes_nothing_that_outlives_it(nobody: Caller) -> None:
    bob = _signed_up(nobody)
    stolen = Caller(nobody.http, _session(_log_in(nobody, bob.email))["access_token"])
    key = {
        "name": "robot",
        "scopes": ["read", "trade"],
        "expires_at": f"{datetime.now(UTC) + timedelta(days=9):%FT%TZ}",
    }
    assert stolen.post("/api-keys", key).status_code == 201
    assert bob.post("/auth/logout", {"scope": "others"}).status_code == 204
    webhook = {"name": "mine", "url": "https://example.com/hear", "events": ["trade.filled"]}
    for answer in (
        stolen.post("/api-keys", key | {"name": "another"}),
        stolen.post("/webhooks", webhook),
        stolen.put("/user/profile", {"display_name": "Thief", "time_zone": "UTC"}),
    ):
        assert _problem(answer) == (401, "SESSION_OVER")
    assert bob.post("/api-keys", key | {"name": "another"}).status_code == 201
    assert bob.post("/webhooks", webhook).status_code == 201


def test_password_when_changed_then_the_current_one_is_asked_for_and_other_sessions_end(nobody: Caller) -> None:
    bob = _signed_up(nobody)
    other = _session(_log_in(nobody, bob.email))
    new = "another battery 7"
    assert _problem(bob.put("/auth/password", {"password": new})) == (422, "CURRENT_PASSWORD_NEEDED")
    wrong = bob.put("/auth/password", {"password": new, "current_password": "guessed"})
    assert _problem(wrong) == (403, "CURRENT_PASSWORD_WRONG")
    done = bob.put("/auth/password", {"password": new, "current_password": PASSWORD})
    assert done.status_code == 204, done.text
    assert _problem(nobody.post("/auth/refresh", {"refresh_token": other["refresh_token"]})) == (401, "SESSION_OVER")
    assert _log_in(nobody, bob.email).status_code == 401
    assert _log_in(nobody, bob.email, new).status_code == 200


def test_password_reset_when_asked_for_then_the_mailed_code_sets_a_new_password_once(
    nobody: Caller, stack: Stack
) -> None:
    bob = _signed_up(nobody)
    known, unknown = (nobody.post("/auth/password-reset", {"email": email}) for email in (bob.email, _address()))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (202, "")
    code = mailed_code(stack, bob.email)
    guess = {"email": bob.email, "code": f"{(int(code) + 1) % 1_000_000:06d}"}
    assert _problem(nobody.post("/auth/password-reset/verify", guess)) == (422, "CODE_WRONG")
    session = _session(nobody.post("/auth/password-reset/verify", guess | {"code": code}))
    assert _problem(nobody.post("/auth/password-reset/verify", guess | {"code": code})) == (422, "CODE_WRONG")
    back = Caller(nobody.http, session["access_token"])
    assert back.put("/auth/password", {"password": "remembered again 3"}).status_code == 204
    assert _log_in(nobody, bob.email, "remembered again 3").status_code == 200


def _enrolled(person: Caller) -> dict[str, Any]:
    answer = person.post("/auth/factors", {"name": "phone"})
    assert answer.status_code == 201, answer.text
    factor: dict[str, Any] = answer.json()
    return factor


def test_second_factor_when_verified_then_aal2_is_in_the_token_and_stays_when_refreshed(
    nobody: Caller, ledger: Ledger
) -> None:
    bob = _signed_up(nobody)
    factor = _enrolled(bob)
    assert factor["uri"].startswith("otpauth://totp/AgentTrader:")
    assert factor["qr_code"].startswith("<svg")
    kept = ledger.one("select secret from auth.mfa_factors where id = %s", factor["id"])
    assert factor["secret"] not in kept, "kept encrypted"
    verify = f"/auth/factors/{factor['id']}/verify"
    assert _problem(bob.post(verify, {"code": wrong_code(factor["secret"])})) == (422, "CODE_WRONG")
    session = _session(bob.post(verify, {"code": code_of(factor["secret"])}))
    refreshed = _session(nobody.post("/auth/refresh", {"refresh_token": session["refresh_token"]}))
    for one in (session, refreshed):
        assert (one["level"], [own["id"] for own in one["factors"]]) == ("aal2", [factor["id"]])
        claims = _claims(one["access_token"])
        assert (claims["aal"], [way["method"] for way in claims["amr"]]) == ("aal2", ["totp", "password"])
    again = _session(_log_in(nobody, bob.email))
    assert (again["level"], len(again["factors"])) == ("aal1", 1)


def test_second_factor_when_there_is_one_then_password_and_factors_need_it(nobody: Caller, stack: Stack) -> None:
    bob = _signed_up(nobody)
    factor = _enrolled(bob)
    strong = Caller(
        nobody.http,
        _session(bob.post(f"/auth/factors/{factor['id']}/verify", {"code": code_of(factor["secret"])}))["access_token"],
    )
    assert strong.get("/user/profile").json()["level"] == "aal2"
    assert nobody.post("/auth/password-reset", {"email": bob.email}).status_code == 202
    reset = {"email": bob.email, "code": mailed_code(stack, bob.email)}
    weak = Caller(nobody.http, _session(nobody.post("/auth/password-reset/verify", reset))["access_token"])
    needed = (403, "SECOND_FACTOR_NEEDED")
    assert _problem(weak.put("/auth/password", {"password": "a thief's own 1"})) == needed
    assert _problem(weak.post("/auth/factors", {"name": "tablet"})) == needed
    assert _problem(weak.delete(f"/auth/factors/{factor['id']}")) == needed
    assert strong.delete(f"/auth/factors/{factor['id']}").status_code == 204
    assert strong.get("/auth/factors").json() == {"data": []}


def test_second_factor_when_it_is_another_persons_then_404(ann: Caller, nobody: Caller) -> None:
    factor = _enrolled(_signed_up(nobody))
    for answer in (
        ann.post(f"/auth/factors/{factor['id']}/verify", {"code": code_of(factor["secret"])}),
        ann.delete(f"/auth/factors/{factor['id']}"),
    ):
        assert _problem(answer) == (404, "NO_SUCH_FACTOR")


def test_second_factor_when_enrolling_is_repeated_then_the_secret_is_not_shown_again(nobody: Caller) -> None:
    bob = _signed_up(nobody)
    named = {"Idempotency-Key": str(uuid4())}
    first = bob.post("/auth/factors", {"name": "phone"}, headers=named)
    assert (first.status_code, _problem(bob.post("/auth/factors", {"name": "phone"}, headers=named))) == (
        201,
        (409, "DONE_ALREADY"),
    )
    assert _problem(bob.post("/auth/factors", {"name": "phone"})) == (409, "FACTOR_NAME_TAKEN")
    assert [one["verified"] for one in bob.get("/auth/factors").json()["data"]] == [False]


def test_second_factor_when_codes_are_guessed_then_429_even_for_the_right_one(nobody: Caller, ledger: Ledger) -> None:
    bob = _signed_up(nobody)
    factor = _enrolled(bob)
    guess = {"code": wrong_code(factor["secret"])}
    verify = f"/auth/factors/{factor['id']}/verify"
    assert _problem(bob.post(verify, guess)) == (422, "CODE_WRONG")
    bucket = f"api:user:{_claims(str(bob.token))['sub']}:second_factor"
    _spend(ledger, bucket)
    assert _problem(bob.post(verify, {"code": code_of(factor["secret"])})) == (429, "TOO_MANY_REQUESTS")


def test_administrator_when_granted_then_the_refreshed_token_says_so_and_acts_with_the_second_factor(
    nobody: Caller, ledger: Ledger
) -> None:
    bob = _signed_up(nobody)
    factor = _enrolled(bob)
    session = _session(bob.post(f"/auth/factors/{factor['id']}/verify", {"code": code_of(factor["secret"])}))
    ledger.run("select public.grant_administrator(%s, 'a test')", bob.email)
    refreshed = _session(nobody.post("/auth/refresh", {"refresh_token": session["refresh_token"]}))
    claims = _claims(refreshed["access_token"])["app_metadata"]
    assert (claims["administrator"], claims["desk_role"], claims["desk_id"]) == (True, "trader", None)
    assert Caller(nobody.http, refreshed["access_token"]).get("/user/profile").json()["administrator"] is True


def test_profile_when_changed_then_the_version_that_was_seen_decides(ann: Caller) -> None:
    seen = ann.get("/user/profile")
    wish = {"display_name": "Ann B.", "time_zone": "Europe/Vienna"}
    changed = ann.put("/user/profile", wish, seen.headers["ETag"])
    assert changed.status_code == 200, changed.text
    assert {key: changed.json()[key] for key in wish} == wish
    assert _problem(ann.put("/user/profile", wish, seen.headers["ETag"])) == (412, "CHANGED_MEANWHILE")
    nowhere = ann.put("/user/profile", wish | {"time_zone": "Mars/Olympus"})
    assert _problem(nowhere) == (422, "BAD_TIME_ZONE")
    assert _problem(ann.put("/user/profile", wish | {"desk_role": "viewer"})) == (422, "MALFORMED")


def test_person_when_a_program_asks_with_a_key_then_403(owner: Caller, key_of: Any) -> None:
    program = key_of(owner, "read", "trade", "strategies", "risk", "reports")
    for answer in (program.get("/user/profile"), program.get("/auth/factors"), program.post("/auth/logout", {})):
        assert _problem(answer) == (403, "SCOPE_NEEDED")
