"""Orders through the unmodified SDK: submit, look up, replace, cancel, refuse."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrdersRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    TrailingStopOrderRequest,
)

from tests.contract.alpaca_simulator.running import ALICE, Running, limit, market, raw, raws

Json = dict[str, Any]


def refusal(error: APIError) -> tuple[int | None, int]:
    return error.status_code, json.loads(str(error))["code"]


def test_submit_when_the_market_is_open_then_the_order_fills_and_the_books_agree(opened: Running) -> None:
    client = opened.trading()
    answer = client.submit_order(market(10, client_order_id="one"))
    assert isinstance(answer, dict)
    assert (answer["status"], answer["filled_qty"]) == ("pending_new", "0")
    order = raw(client.get_order_by_client_id("one"))
    assert (order["status"], order["filled_qty"]) == ("filled", "10")
    price = Decimal(order["filled_avg_price"])
    position = raws(client.get_all_positions())[0]
    assert (position["qty"], Decimal(position["avg_entry_price"])) == ("10", price)
    account = raw(client.get_account())
    assert Decimal(account["cash"]) == 100_000 - 10 * price
    assert Decimal(account["equity"]) == Decimal(account["cash"]) + Decimal(position["market_value"])


def test_submit_when_the_models_of_the_sdk_read_the_answers_then_none_is_refused(opened: Running) -> None:
    client = opened.typed()
    client.submit_order(market(5, client_order_id="one"))
    working = client.submit_order(limit(5, 200.0, client_order_id="two"))
    assert client.get_order_by_client_id("one").status is OrderStatus.FILLED  # type: ignore[union-attr]
    assert client.get_order_by_id(working.id).status is OrderStatus.NEW  # type: ignore[union-attr]
    assert len(client.get_orders()) == 1
    assert client.get_open_position("SPY").qty == "5"  # type: ignore[union-attr]
    assert client.get_account().cash is not None  # type: ignore[union-attr]
    assert client.get_clock().is_open  # type: ignore[union-attr]
    assert client.get_asset("SPY").tradable  # type: ignore[union-attr]
    assert client.get_account_configurations() is not None
    assert client.get_portfolio_history() is not None
    assert len(client.get_all_assets()) == 1


def test_submit_when_the_client_order_id_is_used_then_it_is_refused_and_one_order_exists(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(1, client_order_id="one"))
    with pytest.raises(APIError) as caught:
        client.submit_order(market(1, client_order_id="one"))
    assert refusal(caught.value) == (422, 40010001)
    assert len(client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))) == 1


def test_submit_when_the_same_tape_is_replayed_then_ids_prices_and_times_are_the_same(alpaca: Running) -> None:
    def run() -> Json:
        alpaca.post("/control/load", {"seed": 7})
        alpaca.advance(5)
        client = alpaca.trading()
        client.submit_order(market(300, client_order_id="one"))
        client.submit_order(limit(50, 270.0))
        alpaca.advance(60)
        # An order against one of its own that could trade with it would be refused as a wash trade.
        client.cancel_orders()
        client.submit_order(market(100, OrderSide.SELL))
        book: Json = alpaca.get("/control/book")
        return book

    first = run()
    assert len(first["accounts"][ALICE]["fills"]) >= 2
    assert run() == first


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, 40010001)),
        ({"symbol": "NOPE", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "side": "buy", "type": "market", "time_in_force": "day"}, (422, 40010001)),
        ({"symbol": "SPY", "qty": 0, "side": "buy", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": -1, "side": "buy", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": "x", "side": "buy", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": True, "side": "buy", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        (
            {"symbol": "SPY", "qty": 0.1 + 0.2, "side": "buy", "type": "market", "time_in_force": "day"},
            (422, 42210000),
        ),
        ({"symbol": "SPY", "qty": 1, "side": "hold", "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": 1, "side": ["buy"], "type": "market", "time_in_force": "day"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": 1, "side": "buy", "type": "limit", "time_in_force": "day"}, (422, 40010001)),
        (
            {
                "symbol": "SPY",
                "qty": 1,
                "side": "buy",
                "type": "limit",
                "time_in_force": "day",
                "limit_price": 290.123,
            },
            (422, 42210000),
        ),
        (
            {"symbol": "SPY", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day", "limit_price": 1},
            (422, 42210000),
        ),
        ({"symbol": "SPY", "qty": 1.5, "side": "buy", "type": "market", "time_in_force": "gtc"}, (422, 42210000)),
        ({"symbol": "SPY", "qty": 1.5, "side": "sell", "type": "market", "time_in_force": "day"}, (403, 40310000)),
        ({"symbol": "SPY", "qty": 9999, "side": "buy", "type": "market", "time_in_force": "day"}, (403, 40310000)),
        (
            {
                "symbol": "SPY",
                "qty": 1,
                "side": "buy",
                "type": "market",
                "time_in_force": "day",
                "client_order_id": "x" * 129,
            },
            (422, 42210000),
        ),
        (
            {"symbol": "SPY", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day", "order_class": "oco"},
            (422, 42210000),
        ),
    ],
)
def test_submit_when_the_request_is_wrong_then_alpaca_s_error_comes_and_nothing_is_written(
    body: Json, expected: tuple[int, int], opened: Running
) -> None:
    headers = {"APCA-API-KEY-ID": "alice", "APCA-API-SECRET-KEY": "alice-secret"}
    answer = requests.post(f"{opened.url}/v2/orders", json=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert answer.json()["message"]
    assert opened.get("/control/book")["accounts"][ALICE]["orders"] == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b'{"qty": NaN}', b"\xff", b"[" * 100_000])
def test_submit_when_the_body_is_not_a_json_object_then_it_is_a_400_and_no_traceback(
    raw: bytes, opened: Running
) -> None:
    headers = {"APCA-API-KEY-ID": "alice", "APCA-API-SECRET-KEY": "alice-secret"}
    answer = requests.post(f"{opened.url}/v2/orders", data=raw, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, 40010000)


def test_sell_when_more_is_asked_than_is_at_hand_then_the_numbers_are_in_the_refusal(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(10))
    held = client.submit_order(limit(6, 400.0, OrderSide.SELL))
    with pytest.raises(APIError) as caught:
        client.submit_order(market(10, OrderSide.SELL))
    assert refusal(caught.value) == (403, 40310000)
    body = json.loads(str(caught.value))
    assert (body["available"], body["existing_qty"], body["held_for_orders"]) == ("4", "10", "6")
    assert isinstance(held, dict)
    assert body["related_orders"] == [held["id"]]
    position = raws(client.get_all_positions())[0]
    assert position["qty_available"] == "4"


def test_sell_when_the_account_is_flat_then_it_goes_short_where_that_is_allowed(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(10, OrderSide.SELL))
    position = raws(client.get_all_positions())[0]
    assert (position["qty"], position["side"]) == ("-10", "short")
    with pytest.raises(APIError) as caught:
        opened.trading("carol").submit_order(market(10, OrderSide.SELL))
    assert refusal(caught.value) == (403, 40310000)


def test_buy_when_working_orders_use_the_buying_power_then_the_next_is_refused(opened: Running) -> None:
    client = opened.trading("carol")
    client.submit_order(limit(30, 270.0))
    with pytest.raises(APIError) as caught:
        client.submit_order(limit(8, 270.0))
    body = json.loads(str(caught.value))
    assert (body["buying_power"], body["cost_basis"]) == ("1900", "2160")
    client.cancel_orders()
    client.submit_order(limit(8, 270.0))


def test_replace_when_the_order_works_then_a_new_one_takes_its_place(opened: Running) -> None:
    client = opened.trading()
    old = raw(client.submit_order(limit(10, 200.0)))
    new = client.replace_order_by_id(old["id"], ReplaceOrderRequest(qty=7, limit_price=201.5, client_order_id="new"))
    assert isinstance(new, dict)
    assert (new["replaces"], new["qty"], new["limit_price"], new["client_order_id"]) == (old["id"], "7", "201.5", "new")
    after = raw(client.get_order_by_id(old["id"]))
    assert (after["status"], after["replaced_by"]) == ("replaced", new["id"])
    assert [order["id"] for order in client.get_orders()] == [new["id"]]  # type: ignore[index]


def test_replace_when_it_cannot_be_then_the_order_works_on(opened: Running) -> None:
    client = opened.trading()
    order = raw(client.submit_order(limit(10, 200.0)))
    for change in (
        ReplaceOrderRequest(stop_price=1.0),
        ReplaceOrderRequest(limit_price=200.001),
        ReplaceOrderRequest(time_in_force=TimeInForce.IOC),
        ReplaceOrderRequest(qty=100_000),
    ):
        with pytest.raises(APIError):
            client.replace_order_by_id(order["id"], change)
    assert [row["status"] for row in client.get_orders()] == ["new"]  # type: ignore[index]
    client.submit_order(market(1, client_order_id="filled"))
    filled = raw(client.get_order_by_client_id("filled"))
    with pytest.raises(APIError) as caught:
        client.replace_order_by_id(filled["id"], ReplaceOrderRequest(qty=2))
    assert refusal(caught.value) == (422, 42210000)


def test_cancel_when_the_order_works_ended_or_never_was_then_the_answer_says_so(opened: Running) -> None:
    client = opened.trading()
    order = raw(client.submit_order(limit(10, 200.0)))
    client.cancel_order_by_id(order["id"])
    after = raw(client.get_order_by_id(order["id"]))
    assert after["status"] == "canceled"
    with pytest.raises(APIError) as caught:
        client.cancel_order_by_id(order["id"])
    assert refusal(caught.value) == (422, 42210000)
    with pytest.raises(APIError) as caught:
        client.cancel_order_by_id("00000000-0000-4000-8000-000000000000")
    assert refusal(caught.value) == (404, 40410000)
    with pytest.raises(APIError) as caught:
        client.get_order_by_client_id("never")
    assert refusal(caught.value) == (404, 40410000)


def test_cancel_all_and_close_all_when_asked_then_every_item_has_its_own_status(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(10))
    held = raw(client.submit_order(limit(6, 400.0, OrderSide.SELL)))
    refused = raws(client.close_all_positions(cancel_orders=False))[0]
    assert (refused["status"], refused["body"]["code"]) == (403, 40310000)
    assert raws(client.cancel_orders()) == [{"id": held["id"], "status": 200}]
    closed = raws(client.close_all_positions(cancel_orders=True))[0]
    assert (closed["status"], closed["body"]["qty"]) == (200, "10")
    assert client.get_all_positions() == []


def test_close_position_when_a_part_is_asked_then_that_part_is_sold(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(10))
    client.close_position("SPY", ClosePositionRequest(percentage="50"))
    client.close_position("SPY", ClosePositionRequest(qty="2"))
    position = raw(client.get_open_position("SPY"))
    assert position["qty"] == "3"
    client.close_position("SPY")
    with pytest.raises(APIError) as caught:
        client.get_open_position("SPY")
    assert refusal(caught.value) == (404, 40410000)


def test_list_orders_when_filtered_then_only_those_come_in_the_direction_asked(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(1, client_order_id="a"))
    client.submit_order(limit(1, 200.0, client_order_id="b"))
    client.submit_order(limit(1, 400.0, OrderSide.BUY, client_order_id="c"))
    client.submit_order(limit(1, 400.0, OrderSide.SELL, client_order_id="d"))

    def names(**query: Any) -> list[str]:
        return [row["client_order_id"] for row in client.get_orders(GetOrdersRequest(**query))]  # type: ignore[index]

    assert names() == ["d", "b"]
    assert names(status=QueryOrderStatus.CLOSED) == ["c", "a"]
    assert names(status=QueryOrderStatus.ALL, direction="asc") == ["a", "b", "c", "d"]
    assert names(status=QueryOrderStatus.ALL, limit=2) == ["d", "c"]
    assert names(status=QueryOrderStatus.ALL, side=OrderSide.SELL) == ["d"]
    assert names(status=QueryOrderStatus.ALL, symbols=["IWM"]) == []


def test_submit_when_before_the_open_then_the_order_waits_and_trades_at_the_open(alpaca: Running) -> None:
    client = alpaca.trading()
    answer = client.submit_order(market(10, client_order_id="early"))
    assert isinstance(answer, dict)
    assert answer["status"] == "accepted"
    with pytest.raises(APIError):
        client.replace_order_by_id(answer["id"], ReplaceOrderRequest(qty=2))
    alpaca.advance()
    assert raw(client.get_order_by_client_id("early"))["status"] == "new"
    alpaca.advance()
    assert raw(client.get_order_by_client_id("early"))["status"] == "filled"


def test_close_when_a_day_order_works_then_it_expires_and_a_gtc_order_stays(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(limit(1, 100.0, client_order_id="day"))
    client.submit_order(limit(1, 100.0, tif=TimeInForce.GTC, client_order_id="gtc"))
    opened.advance_to_close()
    day = raw(client.get_order_by_client_id("day"))
    assert (day["status"], day["expired_at"] is not None) == ("expired", True)
    assert raw(client.get_order_by_client_id("gtc"))["status"] == "new"


def test_submit_when_the_order_is_a_trailing_stop_or_notional_then_it_works(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(
        MarketOrderRequest(symbol="SPY", notional=1000, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    position = raw(client.get_open_position("SPY"))
    assert Decimal(990) < Decimal(position["cost_basis"]) <= 1000
    client.submit_order(
        TrailingStopOrderRequest(
            symbol="SPY",
            qty=3,
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            trail_percent=1.0,
            client_order_id="trail",
        )
    )
    opened.advance_to_close()
    assert raw(client.get_order_by_client_id("trail"))["status"] == "filled"
