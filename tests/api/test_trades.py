"""Trades by the API: listed by filter and page, and one with all that is on record of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from functions.core.money import text
from tests.api.conftest import Caller
from tests.api.test_orders import placed, working


def plain(amount: str) -> str:
    """Without the zeros that the ledger's scale adds."""
    return text(Decimal(amount))


@pytest.fixture(scope="module")
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody with an order that is filled in part, one of a strategy, and three that wait."""
    trader = sign_up("trades")
    assert trader.desk is not None
    sent = working(trader)
    trader.desk.fill(f"order-{sent}", "4", "90.5")
    trader.desk.place(quantity="7", symbol="IWM")
    for _ in range(3):
        placed(trader)
    return trader


def test_trades_when_paged_then_each_once_the_newest_first(trader: Caller) -> None:
    whole = trader.get("/trades").json()
    assert whole["next_cursor"] is None
    seen, cursor = [], None
    while True:
        page = trader.get("/trades", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole["data"]
    assert len(seen) == 5
    assert [row["event_at"] for row in seen] == sorted((row["event_at"] for row in seen), reverse=True)


def test_trades_when_filtered_then_only_those(trader: Caller) -> None:
    assert trader.desk is not None

    def found(**asked: str) -> set[tuple[str, str]]:
        answer = trader.get("/trades", params=asked)
        assert answer.status_code == 200, answer.text
        return {(row["symbol"], row["status"]) for row in answer.json()["data"]}

    everything = {("SPY", "partially_filled"), ("IWM", "pending"), ("SPY", "pending")}
    assert found(broker_account_id=str(trader.desk.account)) == found(status="open") == everything
    assert found(strategy_id=str(trader.desk.strategy)) == found(symbol="IWM") == {("IWM", "pending")}
    assert found(status="partially_filled") == {("SPY", "partially_filled")}
    # The strategy's is of another day.
    assert found(until="2013-12-31T00:00:00Z") == {("IWM", "pending")}
    assert found(**{"from": "2013-12-31T00:00:00Z"}) == everything - {("IWM", "pending")}
    assert found(status="filled") == set()


@pytest.mark.parametrize(
    "asked", [{"status": "lost"}, {"from": "yesterday"}, {"colour": "red"}, {"limit": "0"}, {"cursor": "nonsense"}]
)
def test_trades_when_the_query_is_malformed_then_422_names_it(trader: Caller, asked: dict[str, str]) -> None:
    answer = trader.get("/trades", params=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"query.{next(iter(asked))}"


def test_trade_when_read_then_legs_fills_steps_verdicts_and_attempts_come_along(trader: Caller) -> None:
    (row,) = trader.get("/trades", params={"status": "partially_filled"}).json()["data"]
    answer = trader.get(f"/trades/{row['id']}")
    trade = answer.json()
    assert answer.headers["ETag"] == f'"{trade["version"]}"'
    assert row == {name: trade[name] for name in row}
    assert (plain(trade["filled_quantity"]), plain(trade["fill_price"])) == ("4", "90.5")
    (leg,) = trade["legs"]
    assert (leg["symbol"], plain(leg["quantity"]), plain(leg["filled_quantity"])) == ("SPY", "10", "4")
    assert [(plain(fill["quantity"]), plain(fill["price"])) for fill in trade["fills"]] == [("4", "90.5")]
    steps = [step["to_status"] for step in trade["transitions"]]
    assert steps == ["pending", "approved", "submitting", "submitted", "partially_filled"]
    assert [attempt["outcome"] for attempt in trade["attempts"]] == ["accepted"]
    assert isinstance(trade["risk_decisions"], list)


def test_trade_when_anothers_then_404_and_not_in_the_list(trader: Caller, stranger: Caller) -> None:
    trade = trader.get("/trades").json()["data"][0]["id"]
    answer = stranger.get(f"/trades/{trade}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_TRADE")
    assert (
        stranger.get("/trades", params={"broker_account_id": str(trader.desk.account if trader.desk else "")}).json()[
            "data"
        ]
        == []
    )


def test_note_when_written_then_with_its_trade_and_not_over_one_that_was_not_seen(
    trader: Caller, sign_up: Callable[[str], Caller]
) -> None:
    trade = placed(trader)
    path = f"/trades/{trade}"
    assert trader.get(path).json()["note"] is None
    made = trader.put(f"{path}/note", {"text": "too early"}, '"0"')
    assert (made.status_code, made.json()["text"], made.headers["ETag"]) == (200, "too early", '"1"'), made.text
    # Sent again, because its answer was lost, it is the same note.
    assert trader.put(f"{path}/note", {"text": "too early"}, '"0"').json() == made.json()
    late = trader.put(f"{path}/note", {"text": "too late"}, '"0"')
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")
    assert trader.get(path).json()["note"] == made.json()
    assert [row["id"] for row in trader.get("/trades", params={"noted": "true"}).json()["data"]] == [trade]
    assert trader.get("/trades", params={"noted": "true", "symbol": "SPY", "source": "strategy"}).json()["data"] == []
    # A stranger is told nothing of it, and an empty text takes it away.
    stranger = sign_up("reads-notes")
    assert stranger.put(f"{path}/note", {"text": "theft"}).status_code == 404
    assert trader.put(f"{path}/note", {"text": ""}, '"1"').json()["version"] == 2
    assert trader.get("/trades", params={"noted": "true"}).json()["data"] == []
    assert trader.put(f"{path}/note", {"text": "x" * 4001}).status_code == 422
