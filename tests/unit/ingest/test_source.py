"""Whose data credential is used, and waiting until there is one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.keyring import Keyring, SealingPair
from functions.brokers.sealing import Binding, Credential, Environment, seal
from functions.core.errors import Misconfigured
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.ingest.source import awaited_source, data_source, require_source, while_current
from tests.unit.core.doubles import NOW, Turns, World

PAIR = SealingPair.generate()
USER, ACCOUNT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)


def account(broker: str = "alpaca", key: UUID = ACCOUNT) -> dict[str, Any]:
    return {"broker_account_id": str(key), "user_id": str(USER), "broker": broker, "is_paper": True} | {
        "data_entered_at": NOW.isoformat()
    }


FIELDS = {
    "alpaca": {"key": "DK", "secret": "hush"},
    "tastytrade": {"client_secret": "hush", "refresh_token": "grant"},
}


def sealed(key: UUID = ACCOUNT, broker: str = "alpaca", environment: Environment = "paper") -> dict[str, Any]:
    credential = Credential(
        Binding(USER, key, broker, environment, "data"), FIELDS[broker], datetime(2026, 1, 1, tzinfo=UTC)
    )
    return {
        "broker_account_id": str(key),
        "purpose": "data",
        "key_id": PAIR.id,
        "sealed": seal(credential, PAIR.public_key),
        "version": 1,
        "entered_at": NOW.isoformat(),
    }


def world(tmp_path: Path, accounts: Any, row: Any = None, **settings: Any) -> World:
    path = tmp_path / "data-keys.json"
    path.write_text(Keyring("data", (PAIR,)).document())
    path.chmod(0o600)
    more = {"data_keys_file": path, "alpaca_data_url": "http://127.0.0.1:9", "watch_interval": 0.01} | settings
    return World({"data_accounts": accounts, "broker_credentials": row or sealed()}, **more)


def test_source_when_tastytrades_is_the_only_credential_then_its_data_is_read(tmp_path: Path) -> None:
    found = world(tmp_path, [account("tastytrade")], sealed(broker="tastytrade"))
    assert require_source(found.ports).feed == "dxfeed"


def test_source_when_a_live_tastytrade_account_was_linked_first_then_its_data_is_read(tmp_path: Path) -> None:
    first = account("tastytrade", OTHER) | {"is_paper": False}
    found = world(tmp_path, [first, account()], sealed(OTHER, "tastytrade", "live"))
    assert require_source(found.ports).feed == "dxfeed"


def test_source_when_a_broker_is_unknown_then_it_is_left_out(tmp_path: Path) -> None:
    assert require_source(world(tmp_path, [account("another", OTHER), account()]).ports).feed == "iex"


async def test_source_when_one_that_is_rather_read_is_entered_later_then_it_is_noticed(tmp_path: Path) -> None:
    late, better = account("tastytrade"), account(key=OTHER)
    found = world(tmp_path, Turns([late], [late], [late, better]), sealed(broker="tastytrade"), poll_interval=0.01)
    opened = data_source(found.ports)
    assert opened is not None
    await asyncio.wait_for(while_current(found.ports, opened, asyncio.Event()), 10)
    assert len(found.asked("data_accounts")) == 3


async def test_source_when_one_before_it_does_not_open_then_that_is_no_change(tmp_path: Path) -> None:
    """Only what is entered anew is."""
    both, again = [account(key=OTHER), account()], account(key=OTHER) | {"data_entered_at": "2026-01-03T15:00:01+00:00"}
    found = world(
        tmp_path, Turns(both, both, both, [again, account()]), Turns(sealed(ACCOUNT), sealed()), poll_interval=0.01
    )
    opened = data_source(found.ports)
    assert opened is not None
    assert [one.broker_account_id for one in opened.passed] == [OTHER]
    await asyncio.wait_for(while_current(found.ports, opened, asyncio.Event()), 10)
    assert len(found.asked("data_accounts")) == 4


def test_source_when_several_have_a_credential_then_a_paper_one_of_tastytrade_comes_last(tmp_path: Path) -> None:
    """Its quotes are fifteen minutes late."""
    found = world(tmp_path, [account("tastytrade", OTHER), account()])
    assert require_source(found.ports).feed == "iex"
    assert found.asked("broker_credentials") == [{"p_account_id": str(ACCOUNT), "p_purpose": "data"}]


def test_source_when_nobody_has_entered_a_credential_then_none(tmp_path: Path) -> None:
    found = world(tmp_path, [])
    assert data_source(found.ports) is None
    with pytest.raises(Misconfigured) as refused:
        require_source(found.ports)
    assert refused.value.code == "NO_DATA_CREDENTIALS"


def test_source_when_one_credential_does_not_open_then_the_next_is_used(tmp_path: Path) -> None:
    """The first is another's, the second was wiped a moment ago."""
    gone = LedgerRefused("NO_CREDENTIALS", "enter them", 404)
    third = UUID(int=4)
    accounts = [account(key=OTHER), account(key=third), account()]
    found = data_source(world(tmp_path, accounts, Turns(sealed(ACCOUNT), gone, sealed())).ports)
    assert found is not None
    assert found.account.broker_account_id == ACCOUNT


@pytest.mark.parametrize("change", [[], [{"data_entered_at": "2026-01-02T15:00:01+00:00"}]])
async def test_source_when_its_credential_is_wiped_or_entered_again_then_it_is_noticed(
    tmp_path: Path, change: list[dict[str, str]]
) -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "down")
    later = [account() | each for each in change]
    found = world(tmp_path, Turns([account()], [account()], down, [account()], later), poll_interval=0.01)
    opened = data_source(found.ports)
    assert opened is not None
    await asyncio.wait_for(while_current(found.ports, opened, asyncio.Event()), 10)
    assert len(found.asked("data_accounts")) == 5


async def test_source_when_entered_later_then_it_is_waited_for_also_while_the_ledger_is_down(tmp_path: Path) -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "down")
    found = world(tmp_path, Turns([], down, [], [account()]))
    assert await awaited_source(found.ports, asyncio.Event()) is not None
    assert len(found.asked("data_accounts")) == 4


async def test_source_when_asked_to_stop_while_waiting_then_there_is_none(tmp_path: Path) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(awaited_source(world(tmp_path, []).ports, stop))
    stop.set()
    assert await waiting is None


async def test_source_when_the_private_keys_are_not_there_then_it_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        await awaited_source(world(tmp_path, [], data_keys_file=None).ports, asyncio.Event())
    assert refused.value.code == "NO_KEYRING"
