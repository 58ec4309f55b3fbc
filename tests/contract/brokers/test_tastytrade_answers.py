"""The tastytrade adapter on a server without manners: answers that no documentation promises."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected, NotSent, OutcomeUnknown, Rejected
from functions.brokers.orders import OrderChange
from functions.brokers.protocol import Quarantined
from functions.brokers.tastytrade import TastytradeBroker
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.core.errors import AgentTraderError, Misconfigured
from tests.contract.brokers.rude import RudeServer
from tests.contract.brokers.tastytrade_login import TOKEN, login, tastytrade_settings
from tests.contract.brokers.venue import order
from tests.unit.brokers import tastytrade_bodies as bodies

HTML = b"<html><body>502 Bad Gateway</body></html>"
SPACE = datetime(1990, 1, 1, tzinfo=UTC)
MARGIN = {
    "error": {
        "code": "preflight_check_failure",
        "message": "One or more preflight checks failed",
        "errors": [{"code": "margin_check_failed", "message": "not enough"}, {"code": "b", "message": "and this"}],
    }
}
EXPIRED = {"error": {"code": "token_invalid", "message": "This token is invalid or has expired"}}


def broker_of(server: RudeServer, **more: Any) -> TastytradeBroker:
    settings = tastytrade_settings(server.url, "ws://127.0.0.1:9", **more)
    return TastytradeBroker(login("any"), settings, account_number="5WT00001", is_paper=True)


def signed_in(rude: RudeServer, status: int, body: object, **headers: str) -> TastytradeBroker:
    """A server that grants a token, and then answers this."""
    rude.says(200, TOKEN)
    rude.then(status, body, **headers)
    return broker_of(rude)


def paged(*rows: object, page: int = 0, pages: int = 1) -> dict[str, Any]:
    return {"data": {"items": list(rows)}, "pagination": {"page-offset": page, "total-pages": pages}}


REFUSALS = [
    (400, {"error": {"code": "validation_error", "message": "price is missing"}}, Rejected, "validation_error"),
    (403, {"error": {"code": "not_permitted", "message": "User not permitted access"}}, Rejected, "not_permitted"),
    (406, {"error": {"code": 406, "message": "version is not supported"}}, Rejected, "406"),
    (422, MARGIN, Rejected, "margin_check_failed"),
    (422, {"error": {"domain": "quantity", "reason": "too_small"}}, Rejected, "quantity"),
    (422, HTML, Rejected, "422"),
    (422, [], Rejected, "422"),
]


@pytest.mark.parametrize(
    ("status", "body", "raised", "code"),
    [
        *REFUSALS,
        (401, EXPIRED, BadCredentials, "BAD_KEYS"),
        (429, b"Too many requests", NotSent, "RATE_LIMITED"),
        (408, HTML, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (500, HTML, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (502, HTML, OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (504, b"", OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (302, b"", OutcomeUnknown, "NO_CLEAR_ANSWER"),
        (201, HTML, OutcomeUnknown, "UNREADABLE_ANSWER"),
        (201, {"data": {}}, OutcomeUnknown, "UNREADABLE_ANSWER"),
        (201, {"data": {"order": bodies.order(status="Dead")}}, OutcomeUnknown, "UNREADABLE_ANSWER"),
    ],
)
async def test_submit_when_the_answer_is_no_order_then_its_status_says_what_it_means(
    status: int, body: object, raised: type[AgentTraderError], code: str, rude: RudeServer
) -> None:
    broker = signed_in(rude, status, body)
    with pytest.raises(raised) as refused:
        await broker.submit(order("one"))
    # What refused the token the second time refuses the sign-in, too.
    assert refused.value.code == code
    assert [path for method, path, _ in rude.asked if method == "POST" and "orders" in path] == [
        "/accounts/5WT00001/orders"
    ]


async def test_submit_when_several_reasons_are_given_then_all_are_told(rude: RudeServer) -> None:
    with pytest.raises(Rejected, match="not enough; and this"):
        await signed_in(rude, 422, MARGIN).submit(order("one"))


async def test_submit_when_a_key_is_missing_that_the_sdk_demands_then_the_order_is_known_all_the_same(
    rude: RudeServer,
) -> None:
    told = bodies.order(user_id=7)
    del told["underlying-instrument-type"]
    assert (await signed_in(rude, 201, {"data": {"order": told}}).submit(order("c1"))).broker_order_id == "771043"


async def test_submit_when_rate_limited_then_the_wait_is_told(rude: RudeServer) -> None:
    with pytest.raises(NotSent) as refused:
        await signed_in(rude, 429, b"", Retry_After="7").submit(order("one"))
    assert refused.value.retry_after == 7


async def test_submit_when_the_token_had_run_out_then_it_is_not_repeated_and_the_next_has_a_new_one(
    rude: RudeServer,
) -> None:
    broker = signed_in(rude, 401, EXPIRED)
    rude.then(200, TOKEN)
    rude.then(201, {"data": {"order": bodies.order()}})
    with pytest.raises(NotSent):
        await broker.submit(order("one"))
    await broker.submit(order("one"))
    assert [path for _, path, _ in rude.asked] == ["/oauth/token", "/accounts/5WT00001/orders"] * 2


async def test_submit_when_nobody_listens_then_not_sent(rude: RudeServer) -> None:
    rude.says(200, TOKEN, Connection="close")
    rude.then(200, paged(), Connection="close")
    broker = broker_of(rude)
    await broker.positions()
    rude.close()
    with pytest.raises(NotSent):
        await broker.submit(order("one"))


@pytest.mark.parametrize(
    ("status", "body", "raised", "code"),
    [
        *REFUSALS,
        (401, EXPIRED, BadCredentials, "BAD_KEYS"),
        (408, HTML, NotConnected, "TASTYTRADE_UNAVAILABLE"),
        (429, b"", NotConnected, "TASTYTRADE_UNAVAILABLE"),
        (502, HTML, NotConnected, "TASTYTRADE_UNAVAILABLE"),
        (200, HTML, NotConnected, "TASTYTRADE_UNAVAILABLE"),
        (200, {"data": None}, NotConnected, "TASTYTRADE_UNAVAILABLE"),
        (200, {"data": {"items": None}}, NotConnected, "TASTYTRADE_UNAVAILABLE"),
    ],
)
async def test_read_when_the_answer_is_no_list_then_it_is_never_an_empty_one(
    status: int, body: object, raised: type[AgentTraderError], code: str, rude: RudeServer
) -> None:
    with pytest.raises(raised) as refused:
        await signed_in(rude, status, body).positions()
    assert refused.value.code == code


async def test_read_when_the_token_has_run_out_then_it_is_renewed_and_asked_once_more(rude: RudeServer) -> None:
    broker = signed_in(rude, 401, EXPIRED)
    rude.then(200, TOKEN | {"access_token": "AT2"})
    rude.then(200, paged(bodies.POSITION))
    assert [held.quantity for held in await broker.positions()] == [Decimal(-3)]


@pytest.mark.parametrize("body", [{"error_code": "invalid_grant", "error_description": "Grant revoked"}, HTML])
async def test_sign_in_when_refused_then_it_is_not_tried_again(body: object, rude: RudeServer) -> None:
    rude.says(400, body)
    broker = broker_of(rude)
    for _ in range(3):
        with pytest.raises(BadCredentials):
            await broker.account()
    with pytest.raises(BadCredentials):
        await broker.submit(order("one"))
    assert len(rude.asked) == 1


@pytest.mark.parametrize(("status", "body"), [(503, HTML), (200, HTML), (200, {"token": "AT"}), (200, [])])
async def test_sign_in_when_it_cannot_be_had_then_reads_and_orders_may_be_asked_again(
    status: int, body: object, rude: RudeServer
) -> None:
    rude.says(status, body)
    broker = broker_of(rude)
    with pytest.raises(NotConnected):
        await broker.account()
    with pytest.raises(NotSent):
        await broker.submit(order("one"))


async def test_sign_in_when_done_once_then_the_token_is_used_again(rude: RudeServer) -> None:
    broker = signed_in(rude, 200, paged())
    await broker.positions()
    await broker.positions()
    assert [path.split("?")[0] for _, path, _ in rude.asked] == [
        "/oauth/token",
        "/accounts/5WT00001/positions",
        "/accounts/5WT00001/positions",
    ]


async def test_find_orders_when_the_history_has_several_pages_then_all_are_read_and_doubles_found(
    rude: RudeServer,
) -> None:
    broker = signed_in(rude, 200, paged(bodies.order(id=3, status="Cancelled")), Date="Fri, 02 Jan 2026 14:30:00 GMT")
    rude.then(200, paged(bodies.order(id=1, external_identifier="other"), page=0, pages=2))
    rude.then(200, paged(bodies.order(id=3, status="Cancelled"), bodies.order(id=2), page=1, pages=2))
    found = await broker.find_orders("c1")
    assert [one.broker_order_id for one in found] == ["2", "3"]
    assert "start-date=2025-12-03" in rude.asked[2][1]


async def test_find_order_when_the_row_that_it_is_cannot_be_read_then_it_is_not_said_to_be_absent(
    rude: RudeServer,
) -> None:
    with pytest.raises(BadResponse):
        await signed_in(rude, 200, paged(bodies.order(status="Dead"))).find_order("c1")


async def test_open_orders_when_one_row_cannot_be_read_then_the_others_are_told(rude: RudeServer) -> None:
    rows = (bodies.order(id=1), bodies.order(id=2, status="Dead"), bodies.order(id=3, status="Rejected"), None)
    found = await signed_in(rude, 200, paged(*rows)).open_orders()
    assert [type(one) is Quarantined for one in found].count(True) == 2
    assert [one.broker_order_id for one in found if not isinstance(one, Quarantined)] == ["1"]


async def test_order_when_called_filled_before_its_fills_are_there_then_it_is_asked_again(rude: RudeServer) -> None:
    fills = (bodies.fill("a"), bodies.fill("b"))
    broker = signed_in(rude, 200, {"data": bodies.order(status="Filled")})
    rude.then(200, {"data": bodies.order(bodies.leg("SPY", "Buy to Open", 2, fills[0]), status="Filled")})
    rude.then(200, {"data": bodies.order(bodies.leg("SPY", "Buy to Open", 2, *fills), status="Filled")})
    found = await broker.order("771043")
    assert found is not None
    assert (found.state, found.filled_quantity) == ("filled", Decimal(2))


async def test_fills_when_an_old_order_is_named_by_a_trade_only_then_it_is_read(rude: RudeServer) -> None:
    broker = signed_in(rude, 200, paged())
    rude.then(200, paged())
    rude.then(200, paged(bodies.TRADE, bodies.TRADE | {"order-id": None}, {"order-id": []}))
    rude.then(200, {"data": bodies.order(bodies.leg("SPY", "Buy to Open", 2, bodies.fill("a", 2)), status="Filled")})
    found = await broker.fills(SPACE)
    assert [one.execution_id for one in found if not isinstance(one, Quarantined)] == ["a"]
    assert len(found) == 2


async def test_replace_when_it_was_done_before_then_the_new_one_is_returned_and_nothing_is_sent(
    rude: RudeServer,
) -> None:
    broker = signed_in(rude, 200, {"data": bodies.order(status="Cancelled", replacing_order_id=8)})
    rude.then(200, {"data": bodies.order(id=8, external_identifier="c2", replaces_order_id=771043)})
    change = OrderChange(client_order_id="c2", quantity=Decimal(2), limit_price=Decimal(271))
    assert (await broker.replace("771043", change)).broker_order_id == "8"
    assert {method for method, path, _ in rude.asked if "orders" in path} == {"GET"}


@pytest.mark.parametrize("status", [404, 422])
async def test_cancel_when_the_order_is_over_then_it_is_fine(status: int, rude: RudeServer) -> None:
    said = {"error": {"code": "cannot_update_order", "message": "the order could not be cancelled"}}
    await signed_in(rude, status, said).cancel("771043")


async def test_cancel_when_an_entry_then_its_whole_family_goes(rude: RudeServer) -> None:
    entry = bodies.order(complex_order_id=9, complex_order_tag="OTOCO::trigger-order", status="Cancel Requested")
    await signed_in(rude, 200, {"data": entry}).cancel("771043")
    assert [path for method, path, _ in rude.asked if method == "DELETE"] == [
        "/accounts/5WT00001/orders/771043",
        "/accounts/5WT00001/complex-orders/9",
    ]


async def test_rules_when_the_login_has_another_account_then_it_is_refused(rude: RudeServer) -> None:
    broker = signed_in(rude, 200, paged({"account": bodies.LISTED | {"account-number": "5WT00009"}}))
    with pytest.raises(Rejected) as refused:
        await broker.rules()
    assert refused.value.code == "WRONG_ACCOUNT"


async def test_clock_when_no_time_is_told_then_none_is_invented(rude: RudeServer) -> None:
    broker = signed_in(rude, 200, paged({"state": "Open"}), Date="yesterday")
    with pytest.raises(NotConnected):
        await broker.clock()


@pytest.mark.parametrize(
    ("is_paper", "settings"),
    [
        (True, {"tastytrade_url": "https://api.tastyworks.com"}),
        (True, {"tastytrade_url": "https://API.tastyworks.com.:443/"}),
        (True, {"tastytrade_streamer_url": "wss://streamer.tastyworks.com"}),
        (False, {"tastytrade_url": "https://api.cert.tastyworks.com"}),
        (False, {"tastytrade_streamer_url": "wss://streamer.cert.tastyworks.com"}),
    ],
)
def test_broker_when_pointed_at_the_other_environment_then_it_is_not_made(
    is_paper: bool, settings: dict[str, str]
) -> None:
    configured = tastytrade_settings("http://127.0.0.1:9", "ws://127.0.0.1:9", **settings)
    with pytest.raises(Misconfigured) as refused:
        TastytradeBroker(login("any"), configured, account_number="5WT00001", is_paper=is_paper)
    assert refused.value.code == "WRONG_ENDPOINT"


async def test_quotes_when_one_row_has_none_then_the_others_are_told(rude: RudeServer) -> None:
    rude.says(200, TOKEN)
    rude.then(200, paged(bodies.SHARE_QUOTE, {"symbol": "VIX"}, bodies.SHARE_QUOTE | {"bid": "300"}))
    data = TastytradeMarketData(login("any"), tastytrade_settings(rude.url, "ws://127.0.0.1:9"), is_paper=True)
    found = await data.quotes(["SPY", "VIX", "IWM"])
    assert [type(one) is Quarantined for one in found] == [False, True]


async def test_chain_when_one_strike_cannot_be_read_then_the_others_are_told(rude: RudeServer) -> None:
    rude.says(200, TOKEN)
    rude.then(200, {"data": {"items": [bodies.CHAIN, {"expirations": "none"}]}})
    data = TastytradeMarketData(login("any"), tastytrade_settings(rude.url, "ws://127.0.0.1:9"), is_paper=True)
    found = await data.option_chain("SPY", date(2026, 12, 18))
    assert [one.symbol for one in found if not isinstance(one, Quarantined)] == [
        "SPY261218C00500000",
        "SPY261218P00500000",
    ]
    assert isinstance(found[-1], Quarantined)
