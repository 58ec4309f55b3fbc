"""The key file: read as it is now, only where nobody else can read it, and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.brokers.credentials import read_keys
from functions.core.errors import Misconfigured
from tests.unit.core.settings_made import made_settings

ACCOUNT = "11111111-1111-4111-8111-111111111111"
GOOD: dict[str, Any] = {
    "data": {"key": "DK", "secret": "data-word"},
    "accounts": {ACCOUNT: {"key": "PK", "secret": "trading-word"}},
}


def written(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / "keys.json"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_read_keys_when_the_file_is_right_then_every_pair_is_there_and_none_is_shown(tmp_path: Path) -> None:
    keys = read_keys(made_settings(secrets_file=written(tmp_path, json.dumps(GOOD))))
    assert keys.accounts[ACCOUNT].secret.get_secret_value() == "trading-word"
    assert "word" not in repr(keys)


def test_read_keys_when_an_account_is_added_then_the_next_read_has_it(tmp_path: Path) -> None:
    settings = made_settings(secrets_file=written(tmp_path, json.dumps(GOOD | {"accounts": {}})))
    assert read_keys(settings).accounts == {}
    written(tmp_path, json.dumps(GOOD))
    assert list(read_keys(settings).accounts) == [ACCOUNT]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_read_keys_when_others_can_read_it_then_it_is_not_opened(mode: int, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_keys(made_settings(secrets_file=written(tmp_path, json.dumps(GOOD), mode)))
    assert refused.value.code == "OPEN_SECRETS_FILE"
    assert "0600" in refused.value.text


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{", "JSON"),
        ("[]", "JSON"),
        ('{"accounts": {}}', "data"),
        ('{"data": {"key": "trading-word"}, "accounts": {}}', "data.secret"),
        ('{"data": {"key": "a", "secret": ["trading-word"]}, "accounts": {}}', "data.secret"),
    ],
)
def test_read_keys_when_it_is_no_key_file_then_the_place_is_named_and_no_secret_is_said(
    content: str, place: str, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_keys(made_settings(secrets_file=written(tmp_path, content)))
    assert refused.value.code == "BAD_SECRETS_FILE"
    assert place in refused.value.text
    assert "trading-word" not in str(refused.value)


def test_read_keys_when_there_is_no_file_then_a_sentence_says_what_to_set(tmp_path: Path) -> None:
    for path in (None, tmp_path / "none.json"):
        with pytest.raises(Misconfigured) as refused:
            read_keys(made_settings(secrets_file=path))
        assert refused.value.code == "NO_SECRETS_FILE"
