"""tastytrade's streams on sockets without manners: silence, half frames, refusals, words that nobody knows."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from websockets.asyncio.server import ServerConnection

from functions.brokers import dxlink
from functions.brokers.errors import BadCredentials
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.tastytrade_client import TastytradeClient
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.brokers.tastytrade_stream import account_messages
from functions.core.events import QuoteData
from tests.contract.brokers.rude import RudeServer, rude_socket
from tests.contract.brokers.tastytrade_login import TOKEN, login, tastytrade_settings
from tests.unit.brokers import tastytrade_bodies as bodies

SECONDS: Final = 30
ACCOUNT: Final = "5WT00001"
ORDER: Final = {"type": "Order", "data": bodies.order()}
Said = Callable[[ServerConnection, int], Awaitable[None]]


class Peer:
    """Answers each connection as told for its number, from 1, and remembers what it was told."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self.connections = 0
        self.heard: list[dict[str, Any]] = []

    async def talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        await self._said(socket, self.connections)
        await socket.wait_closed()

    async def hear(self, socket: ServerConnection) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await socket.recv())
        self.heard.append(message)
        return message

    async def agree(self, socket: ServerConnection) -> None:
        """Takes the next message, and says that it is fine."""
        message = await self.hear(socket)
        await say(socket, status="ok", action=message["action"], **{"request-id": message["request-id"]})

    async def agree_for_ever(self, socket: ServerConnection) -> None:
        while True:
            await self.agree(socket)


async def say(socket: ServerConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


@asynccontextmanager
async def account(
    peer: Peer, rude: RudeServer, *, heartbeat: float = 30.0, answered_within: float = 0.3
) -> AsyncIterator[Any]:
    """The account stream of a client that is signed in."""
    if not rude.has("/oauth/token"):
        rude.at("/oauth/token", 200, TOKEN)
    async with rude_socket(peer.talk) as url, asyncio.timeout(SECONDS):
        client = TastytradeClient(login("any"), tastytrade_settings(rude.url, url), is_paper=True)
        messages = account_messages(client, ACCOUNT, heartbeat=heartbeat, answered_within=answered_within)
        async with contextlib.aclosing(messages):
            yield messages
        await client.aclose()


# --- the account streamer ---------------------------------------------------------------------------------------------


async def test_account_stream_when_the_peer_accepts_and_says_nothing_then_never_called_connected(
    rude: RudeServer,
) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        if number > 1:
            await peer.agree(socket)
            await say(socket, **ORDER)

    peer = Peer(said)
    async with account(peer, rude) as messages:
        assert isinstance(await anext(messages), Connected)
        assert peer.connections == 2
        assert await anext(messages) == [ORDER["data"]]


@pytest.mark.parametrize("half", [b"\x81", b"\x81\x7e\x10", b'\x81\x7e\x10\x00{"type": "Order", "da'])
async def test_account_stream_when_it_ends_within_a_frame_then_connected_again_and_nothing_is_made_of_the_half(
    half: bytes, rude: RudeServer
) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await peer.agree(socket)
        if number == 1:
            socket.transport.write(half)
            socket.transport.close()
        else:
            await say(socket, **ORDER)

    peer = Peer(said)
    async with account(peer, rude) as messages:
        heard = [await anext(messages) for _ in range(3)]
    assert [type(one) for one in heard] == [Connected, Connected, list]


async def test_account_stream_when_messages_are_not_known_then_told_or_ignored_and_the_next_order_is_heard(
    rude: RudeServer,
) -> None:
    strange: list[Any] = [
        {"type": "Teleport", "data": {"to": "Mars"}},
        {"type": "AccountBalance", "data": {}},
        {"status": "ok", "action": "brand-new"},
        {"action": "maintenance", "message": "at midnight"},
        {"type": "ComplexOrder", "data": []},
        {"type": "Order"},
        [],
        7,
    ]

    async def said(socket: ServerConnection, number: int) -> None:
        await peer.agree(socket)
        for message in strange:
            await socket.send(json.dumps(message))
        await socket.send("{")
        await say(socket, **ORDER)

    peer = Peer(said)
    heard: list[Any] = []
    async with account(peer, rude) as messages:
        while not heard or heard[-1] != [ORDER["data"]]:
            heard.append(await anext(messages))
    assert peer.connections == 1
    # maintenance, a family that is none, two that are no objects, half a message; an order without data is unread yet.
    assert [type(one) for one in heard].count(Quarantined) == 5
    assert heard.count([None]) == 1


async def test_account_stream_when_only_heartbeats_are_answered_then_it_stays_open(rude: RudeServer) -> None:
    beats = asyncio.Event()

    async def said(socket: ServerConnection, number: int) -> None:
        for _ in range(6):
            await peer.agree(socket)
        beats.set()
        await peer.agree_for_ever(socket)

    peer = Peer(said)
    async with account(peer, rude, heartbeat=0.05, answered_within=5) as messages:
        assert isinstance(await anext(messages), Connected)
        waiting = asyncio.ensure_future(anext(messages))
        await beats.wait()
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert peer.connections == 1
    assert [message["action"] for message in peer.heard[:3]] == ["connect", "heartbeat", "heartbeat"]


async def test_account_stream_when_heartbeats_are_not_answered_then_opened_again(rude: RudeServer) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await peer.agree(socket)
        if number > 1:
            await peer.agree_for_ever(socket)

    peer = Peer(said)
    async with account(peer, rude, heartbeat=0.05) as messages:
        assert isinstance(await anext(messages), Connected)
        assert isinstance(await anext(messages), Connected)
    assert peer.connections == 2


@pytest.mark.parametrize("agreed", [0, 1])
async def test_account_stream_when_the_token_has_run_out_then_a_new_one_is_taken(agreed: int, rude: RudeServer) -> None:
    """At the sign-in, and later at a heartbeat."""
    rude.at("/oauth/token", 200, TOKEN, TOKEN | {"access_token": "AT2"})

    async def said(socket: ServerConnection, number: int) -> None:
        for _ in range(agreed):
            await peer.agree(socket)
        if number == 1:
            await peer.hear(socket)
            await say(socket, status="error", message="invalid token")
        else:
            await peer.agree_for_ever(socket)

    peer = Peer(said)
    async with account(peer, rude, heartbeat=0.05, answered_within=5) as messages:
        for _ in range(1 + agreed):
            assert isinstance(await anext(messages), Connected)
    assert peer.heard[0]["auth-token"] == "Bearer AT1"
    assert peer.heard[-1]["auth-token"] == "Bearer AT2"
    assert peer.connections == 2


async def test_account_stream_when_the_login_is_refused_then_it_ends_and_says_so(rude: RudeServer) -> None:
    rude.at("/oauth/token", 401, {"error": {"code": "invalid_grant", "message": "no"}})

    async def said(socket: ServerConnection, number: int) -> None:
        return None

    async with account(Peer(said), rude) as messages:
        with pytest.raises(BadCredentials):
            await anext(messages)


# --- DXLink -----------------------------------------------------------------------------------------------------------

QUOTE_FIELDS: Final = dxlink._FIELDS["Quote"]
QUOTE: Final = ["SPY", 0, 0, 0, 500.0, 500.02, 3, 4]
OPEN: Final = {"data": {"items": [{"instrument-collection": "Equity", "state": "Open"}]}}


async def welcome(peer: Peer, socket: ServerConnection) -> None:
    """Signs in whoever comes, and opens the channels that they ask for."""
    await peer.hear(socket)
    await say(socket, type="AUTH_STATE", channel=0, state="UNAUTHORIZED")
    await peer.hear(socket)
    await say(socket, type="AUTH_STATE", channel=0, state="AUTHORIZED")
    for _ in range(2):
        asked = await peer.hear(socket)
        await say(socket, type="CHANNEL_OPENED", channel=asked["channel"], service="FEED")
        await peer.hear(socket)
        await peer.hear(socket)


async def feed(socket: ServerConnection, *data: Any) -> None:
    await say(socket, type="FEED_DATA", channel=7, data=list(data))


@asynccontextmanager
async def market(peer: Peer, rude: RudeServer, **settings: Any) -> AsyncIterator[Any]:
    """The market data stream of SPY."""
    async with rude_socket(peer.talk) as url, asyncio.timeout(SECONDS):
        rude.at("/oauth/token", 200, TOKEN)
        rude.at("/api-quote-tokens", 200, {"data": {"dxlink-url": url, "token": "qt", "level": "api"}})
        rude.at("/market-time", 200, OPEN, Date="Fri, 02 Jan 2026 14:30:00 GMT")
        data = TastytradeMarketData(login("any"), tastytrade_settings(rude.url, url, **settings), is_paper=True)
        async with contextlib.aclosing(data.stream(["SPY"])) as messages:
            yield messages
        await data.aclose()


def tokens(rude: RudeServer) -> int:
    return sum("quote-tokens" in path for _, path, _ in rude.asked)


async def test_dxlink_when_the_peer_accepts_and_says_nothing_then_opened_again(
    rude: RudeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dxlink, "ANSWERED_WITHIN", 0.3)

    async def said(socket: ServerConnection, number: int) -> None:
        if number > 1:
            monkeypatch.undo()
            await welcome(peer, socket)

    peer = Peer(said)
    async with market(peer, rude) as messages:
        assert isinstance(await anext(messages), Connected)
    assert (peer.connections, tokens(rude)) == (2, 2)


LOST: Final[dict[str, dict[str, Any]]] = {
    "error": {"type": "ERROR", "channel": 0, "error": "BAD_ACTION", "message": "no"},
    "timeout": {"type": "ERROR", "channel": 7, "error": "TIMEOUT", "message": "no keepalive"},
    "token expired": {"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"},
    "channel closed": {"type": "CHANNEL_CLOSED", "channel": 7},
}


@pytest.mark.parametrize("lost", LOST.values(), ids=list(LOST))
async def test_dxlink_when_the_peer_ends_it_in_words_then_a_new_token_a_new_connection_and_quotes_go_on(
    lost: dict[str, Any], rude: RudeServer
) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await welcome(peer, socket)
        if number == 1:
            await say(socket, **lost)
        else:
            await feed(socket, "Quote", QUOTE)

    peer = Peer(said)
    async with market(peer, rude) as messages:
        heard = [await anext(messages) for _ in range(3)]
    assert [type(one) for one in heard] == [Connected, Connected, QuoteData]
    assert tokens(rude) == 2


async def test_dxlink_when_frames_are_halves_or_strange_then_each_is_quarantined_or_ignored_and_the_next_is_heard(
    rude: RudeServer,
) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await welcome(peer, socket)
        await socket.send('{"type": "FEED_DATA", "channel": 7, "da')
        await socket.send("[]")
        await feed(socket, "Quote", QUOTE[:-1])
        await feed(socket, "Quote", [*QUOTE, "SPY"])
        await feed(socket, 7)
        await say(socket, type="FEED_DATA", channel=7, data="Quote")
        await feed(socket, "Quote", ["SPY", 0, 0, 0, 500.02, 500.0, 3, 4])
        # Nothing that anybody asked for, nothing that anybody knows, and a side that nobody quotes.
        await feed(socket, "Teleport", [1, 2, 3])
        await say(socket, type="BRAND_NEW", channel=99)
        await feed(socket, "Quote", ["SPY", 0, 0, 0, "NaN", 500.0, "NaN", 4])
        await feed(socket, "Quote", QUOTE)

    peer = Peer(said)
    heard: list[Any] = []
    async with market(peer, rude) as messages:
        while not heard or not isinstance(heard[-1], QuoteData):
            heard.append(await anext(messages))
    assert [type(one) for one in heard] == [Connected, *[Quarantined] * 7, QuoteData]
    assert peer.connections == 1


async def test_dxlink_when_it_ends_within_a_frame_then_opened_again(rude: RudeServer) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await welcome(peer, socket)
        if number == 1:
            socket.transport.write(b'\x81\x7e\x10\x00{"type": "FEED_DATA", "ch')
            socket.transport.close()
        else:
            await feed(socket, "Quote", QUOTE)

    peer = Peer(said)
    async with market(peer, rude) as messages:
        heard = [await anext(messages) for _ in range(3)]
    assert [type(one) for one in heard] == [Connected, Connected, QuoteData]


async def test_dxlink_when_it_is_kept_alive_without_data_in_session_then_opened_again(rude: RudeServer) -> None:
    async def said(socket: ServerConnection, number: int) -> None:
        await welcome(peer, socket)
        while number == 1:
            await say(socket, type="KEEPALIVE", channel=0)
            await asyncio.sleep(0.05)

    peer = Peer(said)
    async with market(peer, rude, stream_silence=0.3) as messages:
        assert isinstance(await anext(messages), Connected)
        assert isinstance(await anext(messages), Connected)
    assert any("market-time" in path for _, path, _ in rude.asked)
