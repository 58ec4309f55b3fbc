"""The watchlist by the API: whole, in order, and not over what another device has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from tests.api.conftest import Caller


def test_watchlist_when_set_then_kept_in_its_order_for_its_owner_alone(sign_up: Callable[[str], Caller]) -> None:
    person, other = sign_up("watches"), sign_up("watches-too")
    assert (person.get("/watchlist").json(), person.get("/watchlist").headers["ETag"]) == (
        {"symbols": [], "updated_at": None, "version": 0},
        '"0"',
    )
    made = person.put("/watchlist", {"symbols": ["SPY", "IWM"]}, '"0"')
    assert (made.status_code, made.json()["symbols"], made.headers["ETag"]) == (200, ["SPY", "IWM"], '"1"'), made.text
    # Sent again, because its answer was lost, it is the same list.
    assert person.put("/watchlist", {"symbols": ["SPY", "IWM"]}, '"0"').json() == made.json()
    late = person.put("/watchlist", {"symbols": ["SPY"]}, '"0"')
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")
    turned = person.put("/watchlist", {"symbols": ["IWM", "SPY"]}, '"1"')
    assert (turned.json()["symbols"], turned.json()["version"]) == (["IWM", "SPY"], 2)
    assert other.get("/watchlist").json()["symbols"] == []


def test_watchlist_when_it_is_none_then_422_says_why(sign_up: Callable[[str], Caller]) -> None:
    person = sign_up("watches-badly")
    many = [f"S{number}" for number in range(101)]
    for symbols, code in ((["SPY", "SPY"], "BAD_WATCHLIST"), (["NOSUCH"], "UNKNOWN_SYMBOL"), (many, "MALFORMED")):
        answer = person.put("/watchlist", {"symbols": symbols})
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert person.ask("PUT", "/watchlist", json={"symbols": []}).status_code == 428
