"""Servers without manners: they answer what they are told to, to see what an adapter makes of it."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgpack
from websockets.asyncio.server import ServerConnection, serve


class RudeServer:
    """An HTTP server that gives every request the same answer, and remembers what it was asked."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer.asked.append((self.command, self.path, self.rfile.read(length)))
                status, body, headers = outer.next_answer(self.path)
                self.send_response_only(status)  # a Date is sent where a test says one
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self._answer
                raise AttributeError(name)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing is said."""

        self.asked: list[tuple[str, str, bytes]] = []
        self.answers: list[tuple[int, bytes, dict[str, str]]] = [(500, b"", {})]
        self._at: dict[str, list[tuple[int, bytes, dict[str, str]]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def says(self, status: int, body: object, **headers: str) -> None:
        """Sets the answer: bytes as they are, anything else as JSON. Headers by name, `_` for `-`."""
        self.answers = [_answer(status, body, headers)]

    def then(self, status: int, body: object, **headers: str) -> None:
        """What comes after that; the last answer stays."""
        self.answers.append(_answer(status, body, headers))

    def at(self, path: str, status: int, *bodies: object, **headers: str) -> None:
        """What is answered at a path, one after the other; the last stays."""
        self._at[path] = [_answer(status, body, headers) for body in bodies]

    def has(self, path: str) -> bool:
        """Whether something was said of a path."""
        return path in self._at

    def next_answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Takes the next answer for a request."""
        answers = next((found for prefix, found in self._at.items() if path.startswith(prefix)), self.answers)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def close(self) -> None:
        """Nobody listens any more; safe to call twice."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(status: int, body: object, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, raw, {name.replace("_", "-"): value for name, value in headers.items()}


Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def rude_socket(talk: Talk) -> AsyncIterator[str]:
    """A websocket server that talks as told; yields its ws:// address."""
    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def trade_talk(updates: Sequence[object]) -> Talk:
    """Signs in and subscribes whoever comes, sends the updates' `data`, and waits until they leave."""

    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(json.dumps({"stream": "authorization", "data": {"status": "authorized"}}).encode())
        await socket.recv()
        await socket.send(json.dumps({"stream": "listening", "data": {"streams": ["trade_updates"]}}).encode())
        for data in updates:
            await socket.send(json.dumps({"stream": "trade_updates", "data": data}).encode())
        await socket.wait_closed()

    return talk


def data_talk(messages: Sequence[dict[str, Any]], signed_in: dict[str, Any] | None = None) -> Talk:
    """The same for market data: greets, answers the sign-in, acknowledges the subscription, sends the messages."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send(msgpack.packb([{"T": "success", "msg": "connected"}]))
        await socket.recv()
        await socket.send(msgpack.packb([signed_in or {"T": "success", "msg": "authenticated"}]))
        if signed_in is None:
            await socket.recv()
            await socket.send(msgpack.packb([{"T": "subscription", "bars": ["SPY"], "quotes": ["SPY"]}]))
            await socket.send(msgpack.packb(list(messages), datetime=True))
        await socket.wait_closed()

    return talk
