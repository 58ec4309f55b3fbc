"""The preview from the function's side: what is asked again, and what the entry point refuses."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from functions.core.errors import Unavailable
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused
from functions.risk import handlers
from functions.risk.preview import Preview, Previewer
from tests.unit.core.doubles import NOW, World

USER = named_uuid("user")
REFUSED = {
    "refused": {"code": "UNKNOWN_SYMBOL", "text": "UNKNOWN_SYMBOL: symbol=X", "hint": "Name one.", "numbers": {}}
}


class Request:
    """What the framework hands the entry point."""

    def __init__(self, order: Any, method: str = "POST", authorization: str | None = "Bearer a.b.c") -> None:
        self.method = method
        self.headers = {} if authorization is None else {"authorization": authorization}
        self._order = order

    def get_json(self, *, silent: bool) -> Any:
        assert silent
        return self._order


def test_preview_when_the_ledger_would_not_place_it_then_its_refusal_in_the_same_shape() -> None:
    world = World({"preview_book": REFUSED})
    found = Previewer(world.ports).preview(USER, {"symbol": "X"})
    assert found == Preview("deny", "placing", NOW, "UNKNOWN_SYMBOL: symbol=X", "UNKNOWN_SYMBOL", "Name one.")
    assert world.asked("preview_book") == [
        {"p_user_id": str(USER), "p_order": {"symbol": "X"}, "p_at": NOW.isoformat()}
    ], "timed by the clock, never by who asks"
    assert set(found.shown()) == {
        *("verdict", "step", "code", "text", "do", "at", "ordered", "quantity", "marks", "rules")
    }  # fmt: skip


def test_preview_when_the_book_moves_each_time_then_it_ends_as_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Previewer, "_once", lambda *_: None)
    with pytest.raises(Unavailable, match="JUDGED_TOO_OFTEN"):
        Previewer(World().ports).preview(USER, {})


@pytest.mark.parametrize("request_", [Request([1]), Request(None), Request({}, "GET")])
def test_preview_risk_when_it_is_no_order_then_422(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"preview_book": REFUSED})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    monkeypatch.setattr(handlers, "previewing_user", lambda *_: USER)
    answer, status = handlers.preview_risk(request_)
    assert (answer["code"], status) == ("BAD_REQUEST", 422)
    assert world.asked("preview_book") == []


@pytest.mark.parametrize("token", [None, "Basic YTpi"])
def test_preview_risk_when_no_token_is_sent_then_401(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "ports", lambda _: World().ports)
    answer, status = handlers.preview_risk(Request({}, authorization=token))
    assert (answer["code"], status) == ("NO_TOKEN", 401)


def test_preview_risk_when_the_ledger_refuses_the_caller_then_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> UUID:
        raise LedgerRefused("SCOPE_NEEDED", "This key may not do that.", 403)

    monkeypatch.setattr(handlers, "ports", lambda _: World().ports)
    monkeypatch.setattr(handlers, "previewing_user", refuse)
    answer, status = handlers.preview_risk(Request({}))
    assert (answer["code"], status) == ("SCOPE_NEEDED", 403)
