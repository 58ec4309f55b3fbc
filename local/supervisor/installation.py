"""What differs between installations and so stands in no migration: addresses, secrets, the strategy catalogue."""

from __future__ import annotations

import json
from typing import Any, Final

import psycopg

from functions.brokers.sealing import Purpose
from local.stack import Stack
from local.supervisor.broker_keys import stack_keyring

RELAY_SECRET: Final = "relay_webhook_secret"  # noqa: S105 - the name of a secret, not one
_RELAY_FUNCTION: Final = "relay_outbox"
# Who opens what: only the opener's role registers a key to seal for it.
_OPENERS: Final[dict[Purpose, str]] = {"trading": "fn_execute", "data": "fn_ingest"}


def install(stack: Stack) -> None:
    """Writes this stack's settings into its database; safe to repeat. Raises psycopg.Error."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("select set_config('app.actor', 'local cloud', true)")
        connection.execute(
            "insert into private.settings (name, value, comment) values ('relay_url', %s, 'Whom the outbox wakes') "
            "on conflict (name) do update set value = excluded.value",
            [f"{stack.url('functions')}/{_RELAY_FUNCTION}"],
        )
        connection.execute("update private.settings set value = 'tape' where name = 'market_clock'")
        # A replay that ended here before says nothing of this one.
        connection.execute("delete from private.tape_time")
        # Whoever tries webhooks here has their receiver on this machine.
        connection.execute("update private.settings set value = 'yes' where name = 'webhook_loopback'")
        _keep_secret(connection, RELAY_SECRET, stack.secrets.webhook_secret)
        for purpose, role in _OPENERS.items():
            _act_as(connection, role)
            key = stack_keyring(stack, purpose).newest
            connection.execute("select public.register_sealing_key(%s, %s)", [purpose, key.public_text])
        _act_as(connection, None)
        connection.execute("select public.sync_strategy_kinds(%s)", [json.dumps(_strategy_kinds())])


def _act_as(connection: psycopg.Connection[Any], role: str | None) -> None:
    claims = json.dumps({"role": role}) if role else ""
    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])


def _keep_secret(connection: psycopg.Connection[Any], name: str, value: str) -> None:
    found = connection.execute("select id from vault.secrets where name = %s", [name]).fetchone()
    if found is None:
        connection.execute("select vault.create_secret(%s, %s)", [value, name])
    else:
        connection.execute("select vault.update_secret(%s, %s)", [found[0], value])


def _strategy_kinds() -> list[dict[str, Any]]:
    # Imported here: it loads the plug-ins and numpy, which no other command needs.
    from functions.strategy.catalogue import kinds, schema

    return [
        {
            "kind": kind,
            "title": strategy.title,
            "description": (strategy.__doc__ or "").strip(),
            "config_schema": schema(kind),
        }
        for kind, strategy in sorted(kinds().items())
    ]
