"""What the REST API adds to the bare REST gateway: the same read and the same order through both, under load.

The load tool is autocannon, which asks again as soon as it is answered. Both ways the caller is the same signed-in
person, and both end in the same query or the same ledger function.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.measuring import percentile
from functions.core.errors import Unavailable
from local.stack import PROJECT, Stack
from local.supervisor import tools

CLIENTS: Final = (1, 8, 32)
RATES: Final = {"AGENTTRADER_API_RATE_FACTOR": "100000"}
_SYMBOL: Final = "BTC/USD"
_ROWS: Final = 50
_WARM_UP_SECONDS: Final = 1
_TURNS: Final = 4
_SUCCESS: Final = "2"


@dataclass(frozen=True, slots=True)
class Load:
    """What so many clients at once got of one way; `ratio` is the median over the bare gateway's.

    `read` is a page of trades, `order` the placing of one.
    """

    what: str
    way: str
    clients: int
    count: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class _Way:
    """A request that is sent again and again."""

    name: str
    url: str
    method: str
    body: dict[str, Any] | None = None
    counted: tuple[dict[str, Any], ...] = ()
    keyed: str | None = None


def api_load(stack: Stack, *, seconds: float) -> list[Load]:
    """Reads and orders at each number of clients; the API first, the bare gateway beside it. Raises Unavailable."""
    person, account = _trader(stack)
    token = stack.token("authenticated", sub=str(person), aud="authenticated", aal="aal1", exp=int(time.time()) + 3600)
    headers = {
        "authorization": f"Bearer {token}",
        "apikey": stack.publishable_key,
        "content-type": "application/json",
    }
    found: list[Load] = []
    for (what, ways), clients in product(_contests(stack, account).items(), CLIENTS):
        taken: dict[str, list[float]] = {way.name: [] for way in ways}
        lasted = dict.fromkeys(taken, 0.0)
        for way in ways:
            _loaded(way, headers, clients, _WARM_UP_SECONDS)
        # By turns, so that both ways meet the same machine.
        for way in [*ways] * _TURNS:
            each, its_seconds = _loaded(way, headers, clients, seconds / _TURNS)
            taken[way.name] += each
            lasted[way.name] += its_seconds
        floor = percentile(taken[ways[-1].name], 50)
        found += [_figures(what, name, clients, taken[name], lasted[name], floor) for name in taken]
    return found


def _contests(stack: Stack, account: UUID) -> dict[str, tuple[_Way, ...]]:
    """Each of the API and, last, of the gateway: the floor."""
    gateway = stack.url("gateway")
    read = f"{gateway}/rest/v1/trades?select={_columns('Trade')}&order=event_at.desc,id.desc&limit={_ROWS + 1}"
    order = {
        "broker_account_id": str(account),
        "symbol": _SYMBOL,
        "side": "buy",
        "position_intent": "buy_to_open",
        "order_type": "limit",
        "price": "1",
    }
    # No two alike: an equal order within seconds is refused as a duplicate.
    amount = {"from": 0.01, "step": 0.0001, "places": 4}
    named = {"name": "p_order.idempotency_key"}
    return {
        "read": (
            _Way("API", f"{gateway}/functions/v1/api/trades?limit={_ROWS}", "GET"),
            _Way("gateway", read, "GET"),
        ),
        "order": (
            _Way(
                "API",
                f"{gateway}/functions/v1/api/orders",
                "POST",
                order,
                ({"name": "quantity"} | amount,),
                "idempotency-key",
            ),
            _Way(
                "gateway",
                f"{gateway}/rest/v1/rpc/place_trade",
                "POST",
                {"p_order": order},
                ({"name": "p_order.quantity"} | amount, named),
            ),
        ),
    }


def _columns(schema: str) -> str:
    """What the API's own query asks for: the fields of its answer, amounts as text."""
    document = json.loads((PROJECT / "docs" / "openapi.json").read_text())
    fields = document["components"]["schemas"][schema]["properties"]
    return ",".join(f"{name}::text" if one.get("format") == "decimal" else name for name, one in fields.items())


def _loaded(way: _Way, headers: dict[str, str], clients: int, seconds: float) -> tuple[list[float], float]:
    """Seconds that each request took, and how long it all lasted. Raises Unavailable where one was refused or lost."""
    node = tools.node()
    if node is None:
        raise Unavailable("NO_NODE", "the load tool needs Node; run `make setup`")
    asked: dict[str, Any] = {"url": way.url, "method": way.method, "headers": headers}
    asked |= {"connections": clients, "seconds": seconds, "counted": way.counted, "keyed": way.keyed}
    if way.body is not None:
        asked["body"] = way.body
    done = subprocess.run(
        [node, str(Path(__file__).with_name("load.mjs")), json.dumps(asked)],
        env=os.environ | {"LOCAL_PACKAGES": str(PROJECT / "local" / "package.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable("LOAD_FAILED", f"the load tool ended: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    if said["errors"] or not said["taken"] or any(not status.startswith(_SUCCESS) for status in said["statuses"]):
        raise Unavailable("LOAD_REFUSED", f"{way.url} answered {said['statuses']} with {said['errors']} errors")
    return [milliseconds / 1000 for milliseconds in said["taken"]], float(said["duration"])


def _figures(what: str, way: str, clients: int, taken: list[float], lasted: float, floor: float) -> Load:
    p50, p95, p99 = (percentile(taken, percent) for percent in (50, 95, 99))
    return Load(
        what,
        way,
        clients,
        len(taken),
        round(len(taken) / lasted, 1),
        round(p50 * 1000, 2),
        round(p95 * 1000, 2),
        round(p99 * 1000, 2),
        round(p50 / floor, 2),
    )


def _trader(stack: Stack) -> tuple[UUID, UUID]:
    """A person with an account, and as many orders as one page of them needs."""
    person, account = uuid4(), uuid4()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("select set_config('app.actor', 'benchmark', false)")
        connection.execute("update private.settings set value = 'open' where name = 'sign_up'")
        connection.execute("insert into auth.users (id, email) values (%s, 'load@example.com')", (person,))
        connection.execute(
            "insert into public.broker_accounts (id, user_id, broker, account_id) values (%s, %s, 'alpaca', 'LOAD')",
            (account, person),
        )
        listed = Jsonb([{"symbol": _SYMBOL, "kind": "crypto", "lot": "0.0001"}])
        connection.execute("select public.upsert_instruments(%s, 'benchmark', current_date)", (listed,))
        for number in range(_ROWS + 1):
            order = {
                "broker_account_id": str(account),
                "symbol": _SYMBOL,
                "side": "buy",
                "position_intent": "buy_to_open",
            }
            order |= {"quantity": str(1 + number), "order_type": "limit", "price": "1", "signal": str(uuid4())}
            connection.execute("select private.place(%s, %s, 'manual')", (Jsonb(order), person))
    return person, account
