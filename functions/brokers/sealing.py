"""A broker's credentials inside a sealed box: what is in the text, how it is sealed, and what is checked on opening.

The browser seals with the public key of the one function that may open (`dashboard/src/sealing.ts` does the same, byte
for byte up to the box). The text names whose and what for it is, so that a ciphertext on another row opens and is
refused. docs/credentials.md tells the whole story.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from functions.core.errors import Misconfigured

Purpose = Literal["trading", "data"]
Environment = Literal["paper", "live"]

FORMAT: Final = 1
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "alpaca": ("key", "secret"),
    "tastytrade": ("client_secret", "refresh_token"),
}
"""What each broker asks for."""

# Every text is padded to one length, so that the length of a ciphertext tells nothing.
_PADDED: Final = 4096
_OVERHEAD: Final = 48  # the box's own public key and authenticator
SEALED_BYTES: Final = _PADDED + _OVERHEAD
_END_OF_TEXT: Final = b"\x80"

_VALUE = re.compile(r"[\x21-\x7e]{1,1500}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# What an Alpaca key begins with says where it is valid.
_ENVIRONMENT_OF_KEY: Final[dict[str, Environment]] = {"PK": "paper", "AK": "live"}


class BadSeal(Misconfigured):
    """A credential that must not be used: it cannot be opened, is malformed, or was sealed for something else.

    Final: only entering it again helps. No part of the secret is ever in the text.
    """


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose credential it is and what for: sealed in with it, compared on opening."""

    user: UUID
    account: UUID
    broker: str
    environment: Environment
    purpose: Purpose

    def _text(self) -> dict[str, str]:
        return {
            "user": str(self.user),
            "account": str(self.account),
            "broker": self.broker,
            "environment": self.environment,
            "purpose": self.purpose,
        }


@dataclass(frozen=True, slots=True)
class Credential:
    """An opened credential. `fields` are secret and not shown."""

    binding: Binding
    fields: Mapping[str, str] = field(repr=False)
    sealed_at: datetime


def canonical_text(credential: Credential) -> bytes:
    """The one text of a credential: JSON with sorted keys and no spaces (RFC 8785), ASCII.

    Raises BadSeal BAD_CREDENTIAL naming the field that is wrong, never its value.
    """
    _check(credential)
    sealed_at = credential.sealed_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = credential.binding._text() | {  # noqa: SLF001 - this module's own
        "fields": dict(credential.fields),
        "format": FORMAT,
        "sealed_at": sealed_at,
    }
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode("ascii")


def key_id(public_key: bytes) -> str:
    """The id of a public key: its SHA-256, so that nobody can show another key under the same name."""
    return hashlib.sha256(public_key).hexdigest()


def seal(credential: Credential, public_key: bytes) -> str:
    """A sealed box in base64. Raises BadSeal BAD_CREDENTIAL."""
    text = canonical_text(credential)
    if len(text) >= _PADDED:
        raise BadSeal("BAD_CREDENTIAL", f"a credential takes at most {_PADDED - 1} bytes, was {len(text)}")
    return seal_padded((text + _END_OF_TEXT).ljust(_PADDED, b"\x00"), public_key)


def seal_padded(padded: bytes, public_key: bytes) -> str:
    """Seals what `unseal` gave, as it is: re-sealing understands nothing of it and shows nothing of it."""
    from nacl.public import PublicKey, SealedBox

    return base64.b64encode(SealedBox(PublicKey(public_key)).encrypt(padded)).decode("ascii")


def unseal(sealed: str, private_key: bytes) -> bytes:
    """The padded text of a sealed box. Raises BadSeal CANNOT_OPEN."""
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    try:
        box = base64.b64decode(sealed, validate=True)
        if len(box) != SEALED_BYTES:
            raise ValueError
        return SealedBox(PrivateKey(private_key)).decrypt(box)
    except (CryptoError, binascii.Error, ValueError, TypeError):
        raise BadSeal("CANNOT_OPEN", "the sealed credential cannot be opened; enter it again") from None


def open_sealed(sealed: str, private_key: bytes, expected: Binding) -> Credential:
    """The credential, where it was sealed for exactly this use.

    Raises BadSeal: CANNOT_OPEN, BAD_SEALED_TEXT, or SEALED_FOR_ANOTHER naming what does not agree.
    """
    credential = _read(unseal(sealed, private_key))
    inside, wanted = credential.binding._text(), expected._text()  # noqa: SLF001 - this module's own
    wrong = sorted(name for name in wanted if inside[name] != wanted[name])
    if wrong:
        raise BadSeal(
            "SEALED_FOR_ANOTHER",
            f"the credential was sealed for another {', '.join(wrong)}; enter it again",
            account=str(expected.account),
        )
    return credential


def _read(padded: bytes) -> Credential:
    try:
        text = padded.rstrip(b"\x00")
        if not text.endswith(_END_OF_TEXT):
            raise ValueError
        text = text[: -len(_END_OF_TEXT)]
        raw: Any = json.loads(text)
        if raw["format"] != FORMAT or not _TIME.fullmatch(raw["sealed_at"]):
            raise ValueError
        credential = Credential(
            Binding(UUID(raw["user"]), UUID(raw["account"]), raw["broker"], raw["environment"], raw["purpose"]),
            dict(raw["fields"]),
            datetime.fromisoformat(raw["sealed_at"]),
        )
        # One text for one credential: another spelling of it was not written by us.
        if canonical_text(credential) != text:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BadSeal) as error:
        if isinstance(error, BadSeal) and error.code == "WRONG_ENVIRONMENT":
            raise
        # Nothing of what was read is said: it is a secret.
        raise BadSeal("BAD_SEALED_TEXT", "the sealed credential is not in a known format; enter it again") from None
    return credential


def _check(credential: Credential) -> None:
    binding = credential.binding
    expected = FIELDS.get(binding.broker)
    if expected is None:
        raise BadSeal("BAD_CREDENTIAL", f"broker: expected one of {', '.join(FIELDS)}, was {binding.broker!r}")
    if binding.environment not in get_args(Environment) or binding.purpose not in get_args(Purpose):
        raise BadSeal("BAD_CREDENTIAL", "environment is paper or live, purpose is trading or data")
    if sorted(credential.fields) != sorted(expected):
        raise BadSeal("BAD_CREDENTIAL", f"{binding.broker} needs {' and '.join(expected)}, and nothing else")
    for name, value in credential.fields.items():
        if not _VALUE.fullmatch(value):
            raise BadSeal("BAD_CREDENTIAL", f"{name}: expected 1 to 1500 visible ASCII characters without spaces")
    if binding.broker == "alpaca":
        # Alpaca has no read-only keys: market data is read with a paper account's, which can cost nobody money.
        wanted = binding.environment if binding.purpose == "trading" else "paper"
        valid_in = _ENVIRONMENT_OF_KEY.get(credential.fields["key"][:2])
        if valid_in not in (None, wanted):
            raise BadSeal(
                "WRONG_ENVIRONMENT",
                f"this is a {valid_in} account's key; for {binding.purpose} enter a {wanted} key",
            )
