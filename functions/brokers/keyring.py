"""The private keys of one purpose: a secret outside the database, read anew at each use because keys rotate."""

from __future__ import annotations

import base64
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from functions.brokers.sealing import BadSeal, Purpose, key_id
from functions.core.errors import Misconfigured

_KEY_BYTES: Final = 32
_READ_ONLY: Final = os.ST_RDONLY


@dataclass(frozen=True, slots=True)
class SealingPair:
    """A sealing key pair; the private half is not shown."""

    public_key: bytes
    private_key: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        from nacl.public import PrivateKey

        made = PrivateKey.generate()
        return cls(bytes(made.public_key), bytes(made))

    @classmethod
    def of(cls, private_key: bytes) -> Self:
        from nacl.public import PrivateKey

        return cls(bytes(PrivateKey(private_key).public_key), private_key)

    @property
    def id(self) -> str:
        return key_id(self.public_key)

    @property
    def public_text(self) -> str:
        return base64.b64encode(self.public_key).decode("ascii")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Purpose
    private_keys: list[SecretStr]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key pairs of one purpose, oldest first; while keys rotate there are two."""

    purpose: Purpose
    pairs: tuple[SealingPair, ...]

    @property
    def newest(self) -> SealingPair:
        return self.pairs[-1]

    def pair(self, key: str) -> SealingPair:
        """Raises BadSeal UNKNOWN_SEALING_KEY."""
        for pair in self.pairs:
            if pair.id == key:
                return pair
        raise BadSeal(
            "UNKNOWN_SEALING_KEY", f"the private key of {key[:12]} is not here; enter the credential again", key=key
        )

    def document(self) -> str:
        """The secret's text."""
        keys = [base64.b64encode(pair.private_key).decode("ascii") for pair in self.pairs]
        return json.dumps({"purpose": self.purpose, "private_keys": keys}, indent=2) + "\n"


def read_keyring(path: Path | None, purpose: Purpose) -> Keyring:
    """Reads the keyring's file: a mounted secret in the cloud, a file of mode 0600 on one machine.

    Raises Misconfigured: NO_KEYRING, OPEN_KEYRING (others could read it), BAD_KEYRING.
    """
    variable = f"AGENTTRADER_{purpose.upper()}_KEYS_FILE"
    if path is None:
        raise Misconfigured("NO_KEYRING", f"set {variable} to the file that holds the private keys for {purpose}")
    try:
        # A secret that the platform mounts is read-only and in nobody else's machine; its mode is the platform's.
        mounted = os.statvfs(path).f_flag & _READ_ONLY
        if not mounted and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured("OPEN_KEYRING", f"others can read {path.name}: set its mode to 0600")
        document = _Document.model_validate_json(path.read_text())
        keys = [base64.b64decode(key.get_secret_value(), validate=True) for key in document.private_keys]
        if document.purpose != purpose or not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError
    except OSError as error:
        raise Misconfigured("NO_KEYRING", f"the file of {variable} cannot be read: {error.strerror}") from error
    except (ValidationError, ValueError):
        # What was read is left out: it is a secret.
        raise Misconfigured(
            "BAD_KEYRING", f"{path.name} is not a keyring for {purpose}; see docs/credentials.md"
        ) from None
    return Keyring(purpose, tuple(SealingPair.of(key) for key in keys))
