"""The browser's sealing and Python's are one: the same text, and each opens what the other sealed."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.keyring import SealingPair
from functions.brokers.sealing import (
    SEALED_BYTES,
    BadSeal,
    Binding,
    Credential,
    canonical_text,
    open_sealed,
    seal,
    unseal,
)
from local.supervisor import tools

HERE = Path(__file__).parent
VECTORS: list[dict[str, Any]] = json.loads((HERE / "vectors.json").read_text())
PAIR = SealingPair.of(bytes(range(32)))
OTHER = SealingPair.of(bytes(range(1, 33)))


def credential(vector: dict[str, Any]) -> Credential:
    binding = Binding(
        UUID(vector["user"]), UUID(vector["account"]), vector["broker"], vector["environment"], vector["purpose"]
    )
    return Credential(binding, vector["fields"], datetime.fromisoformat(vector["sealed_at"]))


def key_row(purpose: str, pair: SealingPair = PAIR, key: str | None = None) -> dict[str, str]:
    return {"id": key or pair.id, "purpose": purpose, "public_key": pair.public_text}


def with_fields(**fields: str) -> dict[str, Any]:
    return VECTORS[0] | {"fields": fields}


WRONG: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "a live key on a paper account": (
        with_fields(key="AKLIVE", secret="word"),
        key_row("trading"),
        "WRONG_ENVIRONMENT",
    ),
    "a live key for data": (
        VECTORS[1] | {"fields": {"key": "AKLIVE", "secret": "word"}},
        key_row("data"),
        "WRONG_ENVIRONMENT",
    ),
    "a space that was pasted along": (with_fields(key="PK1", secret="word "), key_row("trading"), "BAD_CREDENTIAL"),
    "a letter that only looks right": (
        with_fields(key="\u0420K1", secret="word"),
        key_row("trading"),
        "BAD_CREDENTIAL",
    ),
    "a missing field": (with_fields(key="PK1"), key_row("trading"), "BAD_CREDENTIAL"),
    "one field too many": (with_fields(key="PK1", secret="word", x="word"), key_row("trading"), "BAD_CREDENTIAL"),
    "another broker's fields": (
        with_fields(client_secret="word", refresh_token="word"),
        key_row("trading"),
        "BAD_CREDENTIAL",
    ),
    "nothing in a field": (with_fields(key="PK1", secret=""), key_row("trading"), "BAD_CREDENTIAL"),
}
WRONG_KEYS = {
    "a key of the other purpose": (VECTORS[0], key_row("data")),
    "a key under another's id": (VECTORS[0], key_row("trading", PAIR, OTHER.id)),
}


@pytest.fixture(scope="module")
def browser() -> dict[str, Any]:
    """Everything that is asked of the browser's side, answered by one process."""
    asked = {
        "vectors": VECTORS,
        "keys": [key_row(vector["purpose"]) for vector in VECTORS],
        "wrong": [{"vector": vector, "key": key} for vector, key, _ in WRONG.values()]
        + [{"vector": vector, "key": key} for vector, key in WRONG_KEYS.values()],
        "sealed": [seal(credential(vector), PAIR.public_key) for vector in VECTORS],
        "publicKey": PAIR.public_text,
        "privateKey": base64.b64encode(PAIR.private_key).decode(),
    }
    node = tools.node()
    assert node is not None, "node is not installed"
    done = subprocess.run(
        [node, str(HERE / "in_node.ts")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_text_when_made_by_either_then_it_is_the_fixed_one(browser: dict[str, Any]) -> None:
    expected = [vector["text"] for vector in VECTORS]
    assert [canonical_text(credential(vector)).decode() for vector in VECTORS] == expected
    assert browser["texts"] == expected


def test_box_when_sealed_in_the_browser_then_python_opens_it(browser: dict[str, Any]) -> None:
    for vector, sealed in zip(VECTORS, browser["sealed"], strict=True):
        assert len(base64.b64decode(sealed)) == SEALED_BYTES
        wanted = credential(vector)
        assert open_sealed(sealed, PAIR.private_key, wanted.binding) == wanted


def test_box_when_sealed_by_python_then_libsodium_opens_the_same_bytes(browser: dict[str, Any]) -> None:
    for vector, opened in zip(VECTORS, browser["opened"], strict=True):
        padded = base64.b64decode(opened)
        assert padded == vector["text"].encode() + b"\x80" + bytes(len(padded) - len(vector["text"]) - 1)
        assert padded == unseal(seal(credential(vector), PAIR.public_key), PAIR.private_key)


def test_credential_when_wrong_then_both_refuse_it_with_the_same_words(browser: dict[str, Any]) -> None:
    said = dict(zip([*WRONG, *WRONG_KEYS], browser["refusals"], strict=True))
    for name, (vector, _, code) in WRONG.items():
        with pytest.raises(BadSeal) as refused:
            seal(credential(vector), PAIR.public_key)
        assert refused.value.code == code, name
        assert said[name] == str(refused.value), name
        assert "word" not in said[name], name


def test_sealing_key_when_it_is_not_what_it_says_then_the_browser_does_not_seal(browser: dict[str, Any]) -> None:
    said = dict(zip([*WRONG, *WRONG_KEYS], browser["refusals"], strict=True))
    assert {name: said[name].split(":")[0] for name in WRONG_KEYS} == dict.fromkeys(WRONG_KEYS, "WRONG_KEY")
