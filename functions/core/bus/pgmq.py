"""The bus on pgmq: durable queues in Postgres. One call of `bus.publish` fans the events out to every subscription."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from functions.core.errors import BadInput, Misconfigured, Unavailable
from functions.core.events import Envelope, dump
from functions.core.wiring import Wiring, wiring

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS = 5
# A server that is gone without a word is noticed within this time instead of the system's two hours.
_ANSWER_MILLISECONDS = 10_000


class PgmqBus:
    """Thread-safe. Connects at the first publish, never before, so that a process may fork first.

    `url` is a Postgres address whose role may call `bus.publish`.
    """

    def __init__(self, url: str, table: Wiring | None = None) -> None:
        self._url = url
        self._table = wiring() if table is None else table
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection[Any]] = []

    def publish(self, topic: str, events: Sequence[Envelope]) -> None:
        """See `Bus.publish`: one transaction, so here either every event is durable or none."""
        self._table.require_topic(topic)
        if not events:
            return
        payload = json.dumps([dump(event) for event in events])
        import psycopg

        while True:
            connection, fresh = self._take()
            try:
                connection.execute("select bus.publish(%s, %s::jsonb)", [topic, payload])
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                connection.close()
                if fresh:
                    raise Unavailable("BUS_UNAVAILABLE", f"the bus did not take the events: {_words(error)}") from error
                # An idle connection may be from before the server's restart; publishing again is safe.
                continue
            except psycopg.Error as error:
                self._give_back(connection)
                raise _refusal(error, topic) from error
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)
            return

    def close(self) -> None:
        """Closes the idle connections. Safe to call twice; a later publish connects again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> tuple[psycopg.Connection[Any], bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        try:
            import psycopg
        except ImportError as error:
            raise Misconfigured("MISSING_PACKAGE", "the pgmq bus needs psycopg: install agenttrader[local]") from error
        try:
            return psycopg.connect(
                self._url, autocommit=True, connect_timeout=_CONNECT_SECONDS, tcp_user_timeout=_ANSWER_MILLISECONDS
            ), True
        except psycopg.OperationalError as error:
            raise Unavailable("BUS_UNAVAILABLE", f"the bus cannot be reached: {_words(error)}") from error

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        with self._lock:
            self._idle.append(connection)


def _refusal(error: psycopg.Error, topic: str) -> BadInput | Misconfigured:
    if error.sqlstate == "BU422":
        return BadInput("BAD_EVENT", _words(error), topic=topic)
    # The wiring table of this process names the topic, so the database was wired from another table, or never.
    return Misconfigured("BUS_NOT_READY", f"the bus's schema refused the events, run `agenttrader up`: {_words(error)}")


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
