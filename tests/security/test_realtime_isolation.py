"""User B hears nothing of user A and says nothing in their name: private topics, broadcast, row changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt

from local.stack import Stack
from supabase import AsyncClient, acreate_client
from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway, Person
from tests.security.expectations import RELATIONS
from tests.security.filling import relations

_PATIENCE = 15


class Ear:
    """One client of realtime: joins, and keeps what it hears."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    async def join(self, topic: str, *, private: bool = True, changes: bool = False, event: str = "*") -> str:
        """Joins a topic; "SUBSCRIBED", or the state and reason of the refusal."""
        options: Any = {"config": {"private": private}}
        channel = self.client.channel(topic, options)
        channel.on_broadcast(event, self.heard.put_nowait)
        in_force = asyncio.Event()
        if changes:
            channel.on_system(lambda message: in_force.set())
            channel.on_postgres_changes("*", self.heard.put_nowait, schema="public")  # type: ignore[arg-type]
        states: list[str] = []
        await asyncio.wait_for(
            channel.subscribe(lambda state, error: states.append(f"{state.value} {error or ''}".strip())), _PATIENCE
        )
        self.channel = channel
        if changes and states[0] == "SUBSCRIBED":
            # The server says so itself, a moment after it has answered the join.
            await asyncio.wait_for(in_force.wait(), _PATIENCE)
        return states[0]

    async def next(self) -> Any:
        return await asyncio.wait_for(self.heard.get(), _PATIENCE)


@asynccontextmanager
async def _listening(stack: Stack, token: str | None) -> AsyncIterator[Ear]:
    client = await acreate_client(stack.url("gateway"), stack.publishable_key)
    if token is not None:
        await client.realtime.set_auth(token)
    try:
        yield Ear(client)
    finally:
        await client.realtime.close()


def _speak(ledger: Ledger, topic: str, text: str) -> None:
    ledger.run("select realtime.send(jsonb_build_object('text', %s::text), 'said', %s)", text, topic)


async def test_topic_when_joined_by_its_owner_then_hears_their_trades(stack: Stack, owner: Person) -> None:
    async with _listening(stack, owner.token) as ear:
        assert await ear.join(owner.topic, event="strategies") == "SUBSCRIBED"
        owner.desk.ledger.run("update public.strategies set description = 'heard' where id = %s", owner.desk.strategy)
        message = await ear.next()
        assert message["payload"]["row"]["user_id"] == owner.id
        assert message["payload"]["row"]["description"] == "heard"


async def test_topic_when_joined_by_another_or_by_nobody_then_refused_and_nothing_heard(
    stack: Stack, ledger: Ledger, owner: Person, thief: Person
) -> None:
    now = int(time.time())
    forged = jwt.encode({"sub": owner.id, "role": "authenticated", "exp": now + 60}, "x" * 40, "HS256")
    unsigned = jwt.encode({"sub": owner.id, "role": "authenticated", "exp": now + 60}, "", "none")
    async with _listening(stack, owner.token) as mine:
        assert await mine.join(owner.topic, event="said") == "SUBSCRIBED"
        for token in (thief.token, None, stack.token("fn_risk"), forged, unsigned):
            async with _listening(stack, token) as theirs:
                assert await theirs.join(owner.topic, event="said") != "SUBSCRIBED"
                _speak(ledger, owner.topic, "for the owner only")
                assert (await mine.next())["payload"]["text"] == "for the owner only"
                assert theirs.heard.empty()


async def test_topic_when_joined_as_public_then_private_words_stay_private(
    stack: Stack, ledger: Ledger, owner: Person, thief: Person
) -> None:
    async with _listening(stack, owner.token) as mine, _listening(stack, thief.token) as theirs:
        assert await mine.join(owner.topic, event="said") == "SUBSCRIBED"
        assert await theirs.join(owner.topic, private=False, event="said") == "SUBSCRIBED"
        await theirs.channel.send_broadcast("said", {"text": "a false word"})
        async with _listening(stack, thief.token) as own:
            # What comes after on the same way has overtaken nothing.
            assert await own.join(thief.topic, event="said") == "SUBSCRIBED"
            _speak(ledger, owner.topic, "a true word")
            assert (await mine.next())["payload"]["text"] == "a true word"
            _speak(ledger, thief.topic, "to the thief")
            assert (await own.next())["payload"]["text"] == "to the thief"
        assert mine.heard.empty()
        assert theirs.heard.empty()


async def test_broadcast_when_sent_over_http_into_anothers_topic_then_not_heard(
    stack: Stack, gateway: Gateway, ledger: Ledger, owner: Person, thief: Person
) -> None:
    said = {"topic": owner.topic, "event": "said", "payload": {"text": "a false word"}}
    async with _listening(stack, owner.token) as mine:
        assert await mine.join(owner.topic, event="said") == "SUBSCRIBED"
        for token in (thief.token, None, owner.token):
            for private in (True, False):
                gateway.ask(
                    "POST", "/realtime/v1/api/broadcast", token, json={"messages": [said | {"private": private}]}
                )
        _speak(ledger, owner.topic, "a true word")
        assert (await mine.next())["payload"]["text"] == "a true word"
        assert mine.heard.empty()


async def test_changes_when_every_table_is_published_then_each_user_hears_their_own(
    stack: Stack, ledger: Ledger, owner: Person, thief: Person
) -> None:
    """The ledger publishes no table. Should somebody publish them all, the policies still decide."""
    assert ledger.rows("select tablename from pg_publication_tables where pubname = 'supabase_realtime'") == []
    tables = ", ".join(f"public.{name}" for name, found in relations(ledger).items() if not found.is_view)
    ledger.run(f"alter publication supabase_realtime add table {tables}")
    try:
        async with _listening(stack, owner.token) as mine, _listening(stack, thief.token) as theirs:
            assert await mine.join("changes", private=False, changes=True) == "SUBSCRIBED"
            assert await theirs.join("changes", private=False, changes=True) == "SUBSCRIBED"
            async with _listening(stack, None) as nobodys:
                await nobodys.join("changes", private=False, changes=True)
                await _heard_by_each(ledger, owner, thief, mine, theirs)
                assert nobodys.heard.empty()
    finally:
        ledger.run(f"alter publication supabase_realtime drop table {tables}")
        # As the owner's session left it, for whatever test comes next.
        owner.desk.ledger.call("close_gate", "fn_risk", p_gate_key=f"account:{owner.desk.account}", p_reason="test")


async def _heard_by_each(ledger: Ledger, owner: Person, thief: Person, mine: Ear, theirs: Ear) -> None:
    owner.desk.lift()
    _, order = owner.desk.working("sell", "150")
    owner.desk.fill(order, "150", "11", external_id="the owner's exit")
    for person in (owner, thief):
        ledger.run("update public.broker_accounts set label = 'the end' where id = %s", person.desk.account)
    seen = await _until_the_end(mine)
    stolen = await _until_the_end(theirs)
    assert {row["user_id"] for table, row in seen if RELATIONS[table] != "shared"} == {owner.id}
    heard_of = {table for table, _ in seen}
    assert heard_of >= {"trades", "trade_legs", "trade_transitions", "order_attempts", "fills", "fill_aliases"}
    assert heard_of >= {"position_books", "strategy_positions", "audit_log", "broker_accounts", "trading_gates"}
    assert {row["user_id"] for table, row in stolen if RELATIONS[table] != "shared"} == {thief.id}


async def _until_the_end(ear: Ear) -> list[tuple[str, dict[str, Any]]]:
    """What was heard up to the last change, in commit order: table and row."""
    found: list[tuple[str, dict[str, Any]]] = []
    while not found or found[-1][1].get("label") != "the end":
        data = (await ear.next())["data"]
        found.append((data["table"], data["record"]))
    return found
