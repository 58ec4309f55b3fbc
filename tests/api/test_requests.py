"""What every request to the API goes through: sign-in, keys and scopes, rates, the form of refusals."""

from __future__ import annotations

from collections.abc import Callable

from tests.api.conftest import Caller


def test_request_when_nobody_is_signed_in_then_401_and_the_problem_says_so(nobody: Caller) -> None:
    answer = nobody.get("/strategy-kinds")
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["request_id"]) == ("NOT_SIGNED_IN", answer.headers["X-Request-Id"])


def test_request_when_a_person_asks_then_answered_with_what_is_left_of_the_rate(owner: Caller) -> None:
    answer = owner.get("/strategy-kinds")
    assert answer.status_code == 200
    assert {kind["kind"] for kind in answer.json()["data"]} >= {"moving_average_cross"}
    assert answer.headers["RateLimit-Policy"] == '"read";q=1200000;w=60'


def test_request_when_a_program_asks_then_its_scopes_decide(owner: Caller, key_of: Callable[..., Caller]) -> None:
    assert key_of(owner, "read").get("/strategy-kinds").status_code == 200
    refused = key_of(owner, "trade").get("/strategy-kinds")
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")


def test_request_when_the_key_is_none_of_ours_then_401(nobody: Caller) -> None:
    answer = nobody.get("/strategy-kinds", headers={"Authorization": f"Bearer at_01234567_{'0' * 56}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_SIGNED_IN")


def test_request_when_the_page_is_of_another_origin_then_the_browser_is_not_told_to_let_it_read(nobody: Caller) -> None:
    asked = {"Access-Control-Request-Method": "GET"}
    own = nobody.ask("OPTIONS", "/strategy-kinds", headers=asked | {"Origin": "http://127.0.0.1:5173"})
    assert own.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:5173"
    strange = nobody.ask("OPTIONS", "/strategy-kinds", headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in strange.headers


def test_route_when_there_is_none_then_404_as_a_problem(owner: Caller) -> None:
    answer = owner.get("/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_ROUTE")
