"""The keyring's file: read as it is now, only where nobody else can read it, and never shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from functions.brokers.keyring import Keyring, SealingPair, read_keyring
from functions.brokers.sealing import BadSeal
from functions.core.errors import Misconfigured

OLD, NEW = SealingPair.generate(), SealingPair.generate()


def written(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / "keys.json"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_keyring_when_written_then_it_is_read_back_and_not_shown(tmp_path: Path) -> None:
    keyring = Keyring("trading", (OLD, NEW))
    found = read_keyring(written(tmp_path, keyring.document()), "trading")
    assert found == keyring
    assert found.newest == NEW
    assert found.pair(OLD.id) == OLD
    assert str(OLD.private_key) not in repr(found)


def test_pair_when_its_key_is_not_here_then_it_is_said_what_to_do() -> None:
    with pytest.raises(BadSeal) as refused:
        Keyring("trading", (OLD,)).pair(NEW.id)
    assert refused.value.code == "UNKNOWN_SEALING_KEY"
    assert "enter the credential again" in refused.value.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_keyring_when_others_can_read_it_then_it_is_not_opened(mode: int, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_keyring(written(tmp_path, Keyring("trading", (OLD,)).document(), mode), "trading")
    assert refused.value.code == "OPEN_KEYRING"
    assert "0600" in refused.value.text


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        json.dumps({"purpose": "trading", "private_keys": []}),
        json.dumps({"purpose": "trading", "private_keys": ["hush"]}),
        json.dumps({"purpose": "trading", "private_keys": [base64.b64encode(bytes(31)).decode()]}),
        json.dumps({"purpose": "data", "private_keys": [base64.b64encode(bytes(32)).decode()]}),
        json.dumps({"private_keys": [{"hush": 1}]}),
    ],
)
def test_keyring_when_it_is_none_of_the_purpose_then_it_is_named_and_no_secret_is_said(
    content: str, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_keyring(written(tmp_path, content), "trading")
    assert refused.value.code == "BAD_KEYRING"
    assert "hush" not in str(refused.value)


def test_keyring_when_there_is_no_file_then_a_sentence_says_what_to_set(tmp_path: Path) -> None:
    for path in (None, tmp_path / "none.json"):
        with pytest.raises(Misconfigured) as refused:
            read_keyring(path, "data")
        assert refused.value.code == "NO_KEYRING"
        assert "AGENTTRADER_DATA_KEYS_FILE" in refused.value.text
