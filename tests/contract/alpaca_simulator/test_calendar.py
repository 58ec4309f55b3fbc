"""Orders and options end when their own session does: across the change of the clocks, and on half days."""

from __future__ import annotations

from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from tests.contract.alpaca_simulator.running import ALICE, Running, limit, raw, raws


def to_event(running: Running, wanted: str) -> None:
    """Moves the tape until it has done this."""
    while running.advance()["event"] != wanted:
        pass


def test_day_orders_when_the_clocks_change_between_two_sessions_then_each_ends_at_its_own_close(
    alpaca: Running,
) -> None:
    alpaca.post("/control/load", {"tape": "sp500:SPY:2018-03-09:2018-03-12", "seed": 7})
    client = alpaca.trading()
    ends = []
    for _ in range(2):
        to_event(alpaca, "open")
        order = raw(client.submit_order(limit(1, 200.0)))
        to_event(alpaca, "close")
        ends.append((order["expires_at"], raw(client.get_order_by_id(order["id"]))["status"]))
    assert ends == [("2018-03-09T21:00:00.000000Z", "expired"), ("2018-03-12T20:00:00.000000Z", "expired")]


def test_half_day_when_an_option_expires_on_it_then_it_is_settled_at_one_in_the_afternoon(alpaca: Running) -> None:
    alpaca.post("/control/load", {"tape": "sp500:SPY:2018-11-23:2018-11-23", "seed": 7})
    to_event(alpaca, "minute")
    chain = alpaca.simulator.options.chain("SPY")
    option = next(one for one in chain if one.right == "call" and one.expiry.isoformat() == "2018-11-23")
    client = alpaca.trading()
    bought = raw(
        client.submit_order(
            MarketOrderRequest(symbol=str(option), qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
        )
    )
    assert bought["expires_at"] == "2018-11-23T18:00:00.000000Z"
    assert [row["symbol"] for row in raws(client.get_all_positions())] == [str(option)]
    to_event(alpaca, "close")
    book = alpaca.get("/control/book")["accounts"][ALICE]
    assert [row["kind"] for row in book["activities"]] == ["exercise", "delivery"]
    assert [(row["symbol"], row["qty"]) for row in book["positions"]] == [("SPY", "100")]
    assert book["activities"][0]["at"].startswith("2018-11-23T18:00:00")
