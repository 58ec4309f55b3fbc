"""The sealed box: opened only by its key and only for what it was sealed for, and it never shows what is inside."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.keyring import SealingPair
from functions.brokers.sealing import (
    BadSeal,
    Binding,
    Credential,
    canonical_text,
    open_sealed,
    seal,
    seal_padded,
    unseal,
)

PAIR = SealingPair.generate()
ALICE = UUID("aaaaaaaa-1111-4111-8111-111111111111")
BOB = UUID("22222222-2222-4222-8222-222222222222")
BINDING = Binding(ALICE, BOB, "alpaca", "paper", "trading")
CREDENTIAL = Credential(BINDING, {"key": "PKONE", "secret": "hush-hush"}, datetime(2026, 11, 23, tzinfo=UTC))


def padded(text: bytes) -> bytes:
    return (text + b"\x80").ljust(4096, b"\x00")


def refused(sealed: str, expected: Binding = BINDING, pair: SealingPair = PAIR) -> BadSeal:
    with pytest.raises(BadSeal) as error:
        open_sealed(sealed, pair.private_key, expected)
    assert "hush" not in str(error.value)
    assert error.value.__cause__ is None, "a cause may carry the text"
    return error.value


def test_box_when_opened_for_what_it_was_sealed_then_the_credential_comes_out() -> None:
    assert open_sealed(seal(CREDENTIAL, PAIR.public_key), PAIR.private_key, BINDING) == CREDENTIAL


def test_credential_when_shown_then_its_secret_is_not() -> None:
    assert "hush" not in repr(CREDENTIAL)
    assert PAIR.private_key.hex() not in repr(PAIR)
    assert str(PAIR.private_key) not in repr(PAIR)


def test_box_when_the_secret_is_short_or_long_then_its_length_is_the_same() -> None:
    long = replace(CREDENTIAL, fields={"key": "PKONE", "secret": "x" * 1500})
    lengths = {len(seal(each, PAIR.public_key)) for each in (CREDENTIAL, long)}
    assert len(lengths) == 1


def test_box_when_sealed_twice_then_nothing_shows_that_it_is_the_same() -> None:
    assert seal(CREDENTIAL, PAIR.public_key) != seal(CREDENTIAL, PAIR.public_key)


@pytest.mark.parametrize(
    ("moved", "names"),
    [
        ({"user": BOB}, "user"),
        ({"account": ALICE}, "account"),
        ({"broker": "tastytrade"}, "broker"),
        ({"environment": "live"}, "environment"),
        ({"purpose": "data"}, "purpose"),
        ({"user": BOB, "account": ALICE}, "account, user"),
    ],
)
def test_box_when_moved_then_refused_and_what_does_not_agree_is_named(moved: dict[str, Any], names: str) -> None:
    error = refused(seal(CREDENTIAL, PAIR.public_key), replace(BINDING, **moved))
    assert error.code == "SEALED_FOR_ANOTHER"
    assert f"another {names};" in error.text


def test_box_when_any_byte_is_changed_then_it_does_not_open() -> None:
    box = base64.b64decode(seal(CREDENTIAL, PAIR.public_key))
    for at in (0, 31, 32, 47, 48, 2000, len(box) - 1):
        changed = bytearray(box)
        changed[at] ^= 1
        assert refused(base64.b64encode(changed).decode()).code == "CANNOT_OPEN"


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64!", "é", base64.b64encode(bytes(4144)).decode()])
def test_box_when_it_is_none_then_it_does_not_open(sealed: str) -> None:
    assert refused(sealed).code == "CANNOT_OPEN"


def test_box_when_opened_with_another_key_then_it_does_not_open() -> None:
    assert refused(seal(CREDENTIAL, PAIR.public_key), pair=SealingPair.generate()).code == "CANNOT_OPEN"


TEXT = json.loads(canonical_text(CREDENTIAL))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 4000,
        b"\xff\xfe",
        json.dumps(TEXT).encode(),  # spaces: not the canonical spelling
        json.dumps(TEXT | {"format": 2}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"format": True}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"more": "hush"}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"user": str(ALICE).upper()}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"broker": ["alpaca"]}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"sealed_at": "2026-11-23"}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"fields": {"key": "hush"}}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(TEXT | {"fields": [["key", "hush"]]}, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps({k: v for k, v in TEXT.items() if k != "purpose"}, sort_keys=True, separators=(",", ":")).encode(),
        canonical_text(CREDENTIAL).replace(b'"format":1', b'"format":1,"format":1'),
        canonical_text(CREDENTIAL) + b" ",
    ],
)
def test_text_when_we_did_not_write_it_then_refused_without_saying_what_it_was(text: bytes) -> None:
    """Anybody can seal with a public key, so what opens is not yet what we know."""
    assert refused(seal_padded(padded(text), PAIR.public_key)).code == "BAD_SEALED_TEXT"


def test_text_when_it_is_not_padded_then_refused() -> None:
    assert refused(seal_padded(bytes(4096), PAIR.public_key)).code == "BAD_SEALED_TEXT"


def test_box_when_a_live_key_was_sealed_for_paper_by_another_sealer_then_it_is_not_used() -> None:
    text = canonical_text(CREDENTIAL).replace(b"PKONE", b"AKONE")
    assert refused(seal_padded(padded(text), PAIR.public_key)).code == "WRONG_ENVIRONMENT"


def test_box_when_sealed_again_under_another_key_then_it_says_the_same() -> None:
    other = SealingPair.generate()
    again = seal_padded(unseal(seal(CREDENTIAL, PAIR.public_key), PAIR.private_key), other.public_key)
    assert open_sealed(again, other.private_key, BINDING) == CREDENTIAL
