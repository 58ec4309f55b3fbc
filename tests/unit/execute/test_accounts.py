"""The brokers of the accounts: made of the credential as it is, kept, and made anew when it was refused or changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from functions.brokers.access_tokens import AccessToken, AccessTokens
from functions.brokers.credentials import TastytradeLogin
from functions.brokers.errors import BadCredentials, NotConnected
from functions.brokers.keyring import Keyring, SealingPair
from functions.brokers.sealing import Binding, Credential, seal
from functions.core.errors import Misconfigured
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.executing import ExecutionLedger
from functions.execute.accounts import Accounts, NotVerified
from functions.execute.submitting import Desk
from tests.unit.core.doubles import NOW, Turns, World
from tests.unit.execute.desk_made import ALICE, BOB, ScriptedBroker, account_row, at_broker, claimed

PAIR, NEXT = SealingPair.generate(), SealingPair.generate()
NOWHERE = "http://127.0.0.1:9"
NO_CREDENTIALS = LedgerRefused("NO_CREDENTIALS", "enter them", 404)


def keyring(folder: Path, *pairs: SealingPair) -> Path:
    path = folder / "trading-keys.json"
    path.write_text(Keyring("trading", pairs or (PAIR,)).document())
    path.chmod(0o600)
    return path


FIELDS = {
    "alpaca": {"key": "PK", "secret": "hush"},
    "tastytrade": {"client_secret": "hush", "refresh_token": "grant"},
}


def sealed(account: UUID = ALICE, pair: SealingPair = PAIR, broker: str = "alpaca") -> dict[str, Any]:
    binding = Binding(named_uuid("user"), account, broker, "paper", "trading")
    credential = Credential(binding, FIELDS[broker], datetime(2026, 1, 1, tzinfo=UTC))
    return {
        "broker_account_id": str(account),
        "purpose": "trading",
        "key_id": pair.id,
        "sealed": seal(credential, pair.public_key),
        "version": 1,
        "entered_at": NOW.isoformat(),
    }


def accounts_of(path: Path, answer: Any, account: dict[str, Any] | None = None, **more: Any) -> tuple[World, Accounts]:
    settings = {"trading_keys_file": path, "alpaca_trading_url": "http://127.0.0.1:9"} | more
    answers = {"trading_accounts": [account or account_row(ALICE)], "broker_credentials": answer}
    world = World(answers, **settings)
    return world, Accounts(world.ports, ExecutionLedger(world.ledger))


def test_broker_when_asked_twice_then_it_is_the_same_and_the_ledger_was_asked_once(tmp_path: Path) -> None:
    world, accounts = accounts_of(keyring(tmp_path), sealed())
    assert accounts.broker(ALICE) is accounts.broker(ALICE)
    assert world.said() == ["trading_accounts", "broker_credentials"]
    assert world.asked("broker_credentials") == [{"p_account_id": str(ALICE), "p_purpose": "trading"}]


@pytest.mark.parametrize("broker", ["alpaca", "tastytrade"])
async def test_broker_when_another_process_found_it_down_then_it_is_not_asked_and_another_environment_is(
    broker: str, tmp_path: Path
) -> None:
    world, accounts = accounts_of(
        keyring(tmp_path),
        sealed(broker=broker),
        account_row(ALICE, broker),
        tastytrade_url=NOWHERE,
    )
    down = {"until": time.time() + 1000, "pause": 60}
    world.hot.put(f"breaker:{broker}-live", down)
    world.hot.put(f"breaker:{broker}-data-paper", down)
    made = accounts.broker(ALICE)
    with pytest.raises(NotConnected) as refused:
        await made.positions()
    assert refused.value.code != "BROKER_DOWN"
    world.hot.put(f"breaker:{broker}-paper", down)
    accounts.forget(ALICE)
    with pytest.raises(NotConnected) as refused:
        await accounts.broker(ALICE).positions()
    assert refused.value.code == "BROKER_DOWN"


async def test_broker_when_it_is_tastytrade_then_it_signs_in_with_the_token_that_another_process_has(
    tmp_path: Path,
) -> None:
    """Nobody listens where it would sign in; with a token it comes as far as asking."""
    world, accounts = accounts_of(
        keyring(tmp_path), sealed(broker="tastytrade"), account_row(ALICE, "tastytrade"), tastytrade_url=NOWHERE
    )
    with pytest.raises(NotConnected, match="sign-in did not answer"):
        await accounts.broker(ALICE).positions()
    login = TastytradeLogin(client_secret=SecretStr("hush"), refresh_token=SecretStr("grant"))
    AccessTokens(world.hot, login, is_paper=True).put(AccessToken("a token", time.time() + 900))
    with pytest.raises(NotConnected, match="tastytrade did not answer"):
        await accounts.broker(ALICE).positions()


def test_broker_when_its_keys_were_refused_then_the_next_is_made_of_the_keys_as_they_are_then(tmp_path: Path) -> None:
    _, accounts = accounts_of(keyring(tmp_path), Turns(sealed(), sealed(), NO_CREDENTIALS))
    before = accounts.broker(ALICE)
    accounts.forget(ALICE)
    assert accounts.broker(ALICE) is not before
    accounts.forget(ALICE)
    with pytest.raises(Misconfigured):
        accounts.broker(ALICE)


def test_broker_when_the_credential_was_entered_again_then_the_next_look_drops_it(tmp_path: Path) -> None:
    world, accounts = accounts_of(keyring(tmp_path), sealed())
    before = accounts.broker(ALICE)
    accounts.active()
    assert accounts.broker(ALICE) is before
    later = (NOW + timedelta(seconds=1)).isoformat()
    world.ledger.answers["trading_accounts"] = [account_row(ALICE) | {"trading_entered_at": later}]
    world.ledger.answers["broker_credentials"] = sealed() | {"entered_at": later}
    accounts.active()
    assert accounts.broker(ALICE) is not before


async def test_send_when_the_keys_were_entered_again_since_then_the_order_goes_with_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first exit after new keys, on an instance that is warm with the old ones, would be lost."""
    world, accounts = accounts_of(keyring(tmp_path), sealed())
    desk = Desk(world.ports, ExecutionLedger(world.ledger), accounts)
    old = ScriptedBroker(world.journal, "old", submit=BadCredentials("BAD_KEYS", "enter them again"))
    new = ScriptedBroker(world.journal, "new", submit=at_broker())
    monkeypatch.setattr(accounts, "broker_of", lambda one: old if one.trading_entered_at == NOW else new)
    world.ledger.answers["record_attempt"] = {"status": "rejected"}
    world.ledger.answers["record_submission"] = {"status": "submitted"}
    await desk.send(accounts.broker(ALICE), claimed())
    assert [each["p_outcome"] for each in world.asked("record_attempt")] == ["rejected"]  # No others were entered.
    accounts.broker(ALICE)
    later = (NOW + timedelta(seconds=1)).isoformat()
    world.ledger.answers["trading_accounts"] = [account_row(ALICE) | {"trading_entered_at": later}]
    await desk.send(accounts.broker(ALICE), claimed())
    assert (len(world.asked("record_attempt")), len(world.asked("record_submission"))) == (1, 1)


def test_broker_when_the_account_was_unlinked_then_the_next_look_drops_it(tmp_path: Path) -> None:
    world, accounts = accounts_of(keyring(tmp_path), sealed())
    accounts.broker(ALICE)
    world.ledger.answers["trading_accounts"] = []
    assert accounts.active() == []
    with pytest.raises(Misconfigured) as refused:
        accounts.broker(ALICE)
    assert refused.value.code == "NO_ACCOUNT"


def test_active_when_nothing_was_entered_yet_then_the_account_is_not_served(tmp_path: Path) -> None:
    nothing = {"trading_entered_at": None, "link_state": "unverified"}
    _, accounts = accounts_of(keyring(tmp_path), sealed(), account_row(ALICE) | nothing)
    assert accounts.active() == []


@pytest.mark.parametrize("state", ["unverified", "refused"])
def test_broker_when_the_credential_is_not_verified_then_it_is_used_for_nothing(state: str, tmp_path: Path) -> None:
    known = {"link_state": state, "link_code": "WRONG_ACCOUNT", "link_reason": "of another account"}
    world, accounts = accounts_of(keyring(tmp_path), sealed(), account_row(ALICE) | known)
    assert accounts.active() == []
    with pytest.raises((NotVerified, Misconfigured)) as refused:
        accounts.broker(ALICE)
    assert refused.value.code == {"unverified": "ACCOUNT_NOT_VERIFIED", "refused": "WRONG_ACCOUNT"}[state]
    assert "broker_credentials" not in world.said()


def test_broker_when_the_keys_are_newer_than_the_verdict_then_they_are_not_used(tmp_path: Path) -> None:
    """The account was read, new keys were entered, the credential was read: the verdict is of the ones before."""
    newer = sealed() | {"entered_at": (NOW + timedelta(seconds=1)).isoformat()}
    _, accounts = accounts_of(keyring(tmp_path), newer)
    with pytest.raises(NotVerified):
        accounts.broker(ALICE)


def test_broker_when_keys_rotate_then_a_credential_under_either_key_opens(tmp_path: Path) -> None:
    for pair in (PAIR, NEXT):
        _, accounts = accounts_of(keyring(tmp_path, PAIR, NEXT), sealed(pair=pair))
        accounts.broker(ALICE)


def test_broker_when_a_rotation_ends_between_row_and_keyring_then_the_row_is_read_again(tmp_path: Path) -> None:
    world, accounts = accounts_of(keyring(tmp_path, NEXT), Turns(sealed(pair=PAIR), sealed(pair=NEXT)))
    accounts.broker(ALICE)
    assert len(world.asked("broker_credentials")) == 2


def test_forget_when_there_is_no_broker_then_it_is_fine(tmp_path: Path) -> None:
    _, accounts = accounts_of(tmp_path / "keys.json", NO_CREDENTIALS)
    accounts.forget(BOB)


LIVE = "https://api.alpaca.markets"
PAPER = "https://paper-api.alpaca.markets"


@pytest.mark.parametrize(
    ("account", "row", "answer", "settings", "code"),
    [
        (BOB, {}, sealed(BOB), {}, "NO_ACCOUNT"),
        (ALICE, {}, NO_CREDENTIALS, {}, "NO_BROKER_KEYS"),
        (ALICE, {"broker": "etrade"}, sealed(), {}, "UNKNOWN_BROKER"),
        (ALICE, {}, sealed(BOB), {}, "SEALED_FOR_ANOTHER"),
        (ALICE, {"user_id": str(BOB)}, sealed(), {}, "SEALED_FOR_ANOTHER"),
        (ALICE, {"is_paper": False}, sealed(), {}, "SEALED_FOR_ANOTHER"),
        (ALICE, {}, sealed(pair=NEXT), {}, "UNKNOWN_SEALING_KEY"),
        (ALICE, {}, sealed(pair=NEXT) | {"key_id": PAIR.id}, {}, "CANNOT_OPEN"),
        (ALICE, {}, sealed(), {"trading_keys_file": None}, "NO_KEYRING"),
        (ALICE, {}, sealed(), {"alpaca_trading_url": LIVE}, "WRONG_ENDPOINT"),
        (ALICE, {}, sealed(), {"alpaca_trading_url": "https://API.alpaca.markets.:443/"}, "WRONG_ENDPOINT"),
        (ALICE, {}, sealed(), {"alpaca_trade_stream_url": "wss://api.alpaca.markets/stream"}, "WRONG_ENDPOINT"),
    ],
)
def test_broker_when_it_must_not_be_made_then_the_reason_is_said(
    account: UUID, row: dict[str, Any], answer: Any, settings: dict[str, Any], code: str, tmp_path: Path
) -> None:
    _, accounts = accounts_of(keyring(tmp_path), answer, account_row(ALICE) | row, **settings)
    with pytest.raises(Misconfigured) as refused:
        accounts.broker(account)
    assert refused.value.code == code
    assert "hush" not in str(refused.value)


def test_broker_when_the_account_is_live_then_it_never_speaks_to_the_paper_address(tmp_path: Path) -> None:
    binding = Binding(named_uuid("user"), ALICE, "alpaca", "live", "trading")
    credential = Credential(binding, {"key": "AK", "secret": "hush"}, datetime(2026, 1, 1, tzinfo=UTC))
    row = sealed() | {"sealed": seal(credential, PAIR.public_key)}
    _, accounts = accounts_of(keyring(tmp_path), row, account_row() | {"is_paper": False}, alpaca_trading_url=PAPER)
    with pytest.raises(Misconfigured) as refused:
        accounts.broker(ALICE)
    assert refused.value.code == "WRONG_ENDPOINT"
