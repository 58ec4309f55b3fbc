"""What outside senders may ask for: each event is taken once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Connection, refused

CLIENTS = 16


def _new_source(desk: Desk, **more: Any) -> UUID:
    row = {
        "user_id": desk.user,
        "broker_account_id": desk.account,
        "name": str(uuid4()),
        "kind": "generic",
        "symbols": ["SPY"],
        "max_quantity": "100",
    } | more
    source: UUID = desk.ledger.one(
        f"insert into public.automation_sources ({', '.join(row)}) "  # noqa: S608
        f"values ({', '.join(['%s'] * len(row))}) returning id",
        *row.values(),
    )
    return source


def _deliver(connection: Connection, source: UUID, user: UUID, event: str = "e1") -> None:
    connection.execute(
        "insert into public.deliveries (source_id, user_id, event_id, body_hash, outcome) values "
        "(%s, %s, %s, '', 'accepted')",
        [source, user, event],
    )


def test_delivery_when_the_same_event_comes_from_sixteen_at_once_then_one_is_accepted(desk: Desk) -> None:
    source = _new_source(desk)

    def deliver(connection: Connection) -> str:
        try:
            _deliver(connection, source, desk.user)
            connection.commit()
        except psycopg.errors.UniqueViolation:
            connection.rollback()
            return "replayed"
        return "accepted"

    outcome = desk.ledger.at_once(*[deliver] * CLIENTS)
    assert sorted(outcome) == ["accepted"] + ["replayed"] * (CLIENTS - 1)


def test_delivery_when_changed_or_deleted_then_refused(desk: Desk) -> None:
    source = _new_source(desk)
    _deliver(desk.ledger.connection, source, desk.user)
    for statement in ("update public.deliveries set event_id = 'e2'", "delete from public.deliveries"):
        with refused("APPEND_ONLY", 409):
            desk.ledger.run(statement)


def test_source_when_it_cannot_sign_then_it_needs_networks_and_a_low_rate(desk: Desk) -> None:
    weak = {"authentication": "url_token", "networks": ["203.0.113.0/24"]}
    _new_source(desk, **weak)
    looser: list[dict[str, Any]] = [{"networks": []}, {"max_per_minute": 60}]
    for loose in looser:
        with pytest.raises(psycopg.errors.CheckViolation, match="weak_source_is_fenced"):
            _new_source(desk, **(weak | loose))


def test_source_when_its_account_or_strategy_is_anothers_then_refused(desk: Desk) -> None:
    other = Desk.open(desk.ledger)
    for foreign in ({"broker_account_id": other.account}, {"strategy_id": other.strategy}):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            _new_source(desk, **foreign)
