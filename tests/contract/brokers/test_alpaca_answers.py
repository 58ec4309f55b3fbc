"""The Alpaca adapter on a server without manners: answers that no documentation promises."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.errors import (
    BadCredentials,
    BadResponse,
    NotConnected,
    NotSent,
    OutcomeUnknown,
    Rejected,
)
from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import AgentTraderError
from tests.contract.brokers.rude import RudeServer, rude_socket, trade_talk
from tests.contract.brokers.venue import keys, order, settings_for

HTML = b"<html><body>Bad gateway</body></html>"
ORDER: dict[str, Any] = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "one",
    "updated_at": "2021-03-16T18:38:01.942282123Z",
    "symbol": "SPY",
    "qty": "1",
    "filled_qty": "0",
    "type": "market",
    "side": "buy",
    "limit_price": None,
    "stop_price": None,
    "status": "accepted",
}
DUPLICATE = {"code": 40010001, "message": "client_order_id must be unique"}


def broker_of(server: RudeServer) -> AlpacaBroker:
    return AlpacaBroker(keys("any"), settings_for(server.url, "ws://127.0.0.1:9"), is_paper=True)


@pytest.mark.parametrize(
    ("status", "body", "raised", "code"),
    [
        (400, {"code": 40010000, "message": "malformed"}, Rejected, "40010000"),
        (403, {"code": 40310000, "message": "insufficient buying power"}, Rejected, "40310000"),
        (404, {"code": 40410000, "message": "asset not found"}, Rejected, "40410000"),
        (422, {"code": 42210000, "message": "invalid qty"}, Rejected, "42210000"),
        (422, {"code": 40010001, "message": "symbol is required"}, Rejected, "40010001"),
        (403, HTML, Rejected, "403"),
        (422, [], Rejected, "422"),
        (422, {"message": "no code"}, Rejected, "422"),
        (401, {"code": 40110000, "message": "request is not authorized"}, BadCredentials, "BAD_KEYS"),
        (429, HTML, NotSent, "RATE_LIMITED"),
        (408, HTML, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (500, HTML, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (502, b"", OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (503, {"code": 50310000, "message": "unavailable"}, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (504, b"", OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (301, HTML, OutcomeUnknown, "NO_ANSWER"),
        (200, HTML, OutcomeUnknown, "NO_ANSWER"),
        (200, b"", OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, [], OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, "accepted", OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, {}, OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, ORDER | {"status": "teleported"}, OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, ORDER | {"filled_qty": None}, OutcomeUnknown, "UNREADABLE_ANSWER"),
        (200, ORDER | {"updated_at": "yesterday"}, OutcomeUnknown, "UNREADABLE_ANSWER"),
    ],
)
async def test_submit_when_answered_so_then_it_is_sent_once_and_a_live_order_is_never_called_dead(
    status: int, body: object, raised: type[AgentTraderError], code: str, rude: RudeServer
) -> None:
    rude.says(status, body)
    with pytest.raises(AgentTraderError) as caught:
        await broker_of(rude).submit(order("one"))
    assert type(caught.value) is raised
    assert caught.value.code == code
    assert [method for method, _, _ in rude.asked] == ["POST"]


async def test_submit_when_asked_to_slow_down_then_it_says_for_how_long(rude: RudeServer) -> None:
    rude.says(429, {"code": 42910000, "message": "rate limit exceeded"}, Retry_After="7")
    with pytest.raises(NotSent) as slow:
        await broker_of(rude).submit(order("one"))
    assert slow.value.retry_after == 7.0
    rude.says(429, b"", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")
    with pytest.raises(NotSent) as slow:
        await broker_of(rude).submit(order("one"))
    assert slow.value.retry_after is None


async def test_submit_when_the_id_is_taken_and_the_order_is_not_found_then_it_is_not_called_rejected(
    rude: RudeServer,
) -> None:
    rude.says(422, DUPLICATE)
    rude.then(404, {"code": 40410000, "message": "order not found"})
    with pytest.raises(OutcomeUnknown):
        await broker_of(rude).submit(order("one"))
    assert [method for method, _, _ in rude.asked] == ["POST", "GET"]


async def test_submit_when_the_id_is_taken_then_the_order_is_adopted_with_nanoseconds_cut_off(rude: RudeServer) -> None:
    rude.says(422, DUPLICATE)
    rude.then(200, ORDER)
    adopted = await broker_of(rude).submit(order("one"))
    assert adopted.updated_at == datetime(2021, 3, 16, 18, 38, 1, 942282, tzinfo=UTC)


async def test_submit_when_prices_are_exact_then_they_travel_as_text(rude: RudeServer) -> None:
    rude.says(200, ORDER)
    await broker_of(rude).submit(order("one", "0.1", order_type="limit", limit_price=Decimal("0.30") + Decimal("1E+2")))
    assert b'"qty": "0.1"' in rude.asked[0][2]
    assert b'"limit_price": "100.3"' in rude.asked[0][2]


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (400, {"code": 40010000, "message": "malformed"}, Rejected),
        (403, HTML, Rejected),
        (401, b"", BadCredentials),
        (408, b"", NotConnected),
        (429, HTML, NotConnected),
        (500, HTML, NotConnected),
        (502, HTML, NotConnected),
        (301, HTML, NotConnected),
        (200, HTML, NotConnected),
        (200, b"", BadResponse),
        (200, "none", BadResponse),
    ],
)
async def test_find_order_when_answered_so_then_none_is_said_for_a_404_alone(
    status: int, body: object, raised: type[AgentTraderError], rude: RudeServer
) -> None:
    rude.says(status, body)
    with pytest.raises(AgentTraderError) as caught:
        await broker_of(rude).find_order("one")
    assert type(caught.value) is raised


async def test_find_order_when_404_is_a_proxys_page_then_none_all_the_same(rude: RudeServer) -> None:
    rude.says(404, HTML)
    assert await broker_of(rude).find_order("one") is None


@pytest.mark.parametrize("body", [b"", {}, {"message": "no"}, "text"])
async def test_lists_when_the_whole_cannot_be_read_then_no_list_is_returned(body: object, rude: RudeServer) -> None:
    rude.says(200, body)
    broker = broker_of(rude)
    since = datetime(2000, 1, 1, tzinfo=UTC)
    reads = (broker.positions, broker.open_orders, lambda: broker.fills(since), lambda: broker.activities(since))
    for read in reads:
        with pytest.raises(BadResponse):
            await read()


@pytest.mark.parametrize("row", [1, None, {"qty": "1"}, [], "text"])
async def test_lists_when_a_row_cannot_be_read_then_it_is_quarantined_and_positions_are_never_partial(
    row: object, rude: RudeServer
) -> None:
    rude.says(200, [row])
    broker = broker_of(rude)
    since = datetime(2000, 1, 1, tzinfo=UTC)
    with pytest.raises(BadResponse):
        await broker.positions()
    for found in (await broker.open_orders(), await broker.fills(since), await broker.activities(since)):
        assert [type(one) for one in found] == [Quarantined]


@pytest.mark.parametrize(
    "body", [{"timestamp": "2026-01-02T10:00:00-05:00"}, {"timestamp": "2026-01-02T10:00:00-05:00", "is_open": "false"}]
)
async def test_clock_when_it_does_not_say_whether_the_market_is_open_then_nothing_is_assumed(
    body: object, rude: RudeServer
) -> None:
    rude.says(200, body)
    with pytest.raises(BadResponse):
        await broker_of(rude).clock()


async def test_trade_updates_when_some_cannot_be_read_then_each_is_quarantined_and_the_rest_is_heard() -> None:
    fill = {"event": "fill", "execution_id": "e1", "qty": "1", "price": "270.1", "timestamp": "2021-03-16T18:38:02Z"}
    filled = ORDER | {"status": "filled", "filled_qty": "1"}
    bad: list[object] = [
        None,
        "text",
        {"event": "fill"},
        fill | {"order": ORDER | {"status": "teleported"}},
        fill | {"order": [], "qty": "1"},
        fill | {"order": filled, "price": "NaN"},
        fill | {"order": filled, "price": "-270.1"},
        fill | {"order": filled, "qty": "0"},
        fill | {"order": filled, "execution_id": None},
        fill | {"order": ORDER},  # filled_qty 0 cannot name an execution
    ]
    good = fill | {"order": filled}
    async with rude_socket(trade_talk([*bad, good])) as url:
        settings = settings_for("http://127.0.0.1:9", url, alpaca_trade_stream_url=url)
        broker = AlpacaBroker(keys("any"), settings, is_paper=True)
        async with contextlib.aclosing(broker.trade_updates()) as updates:
            heard = [await anext(updates) for _ in range(len(bad) + 2)]
    assert isinstance(heard[0], Connected)
    assert [type(message) for message in heard[1:-1]] == [Quarantined] * len(bad)
    assert isinstance(heard[-1], TradeUpdate)
    assert heard[-1].fills
    assert all(message.reason for message in heard if isinstance(message, Quarantined))
