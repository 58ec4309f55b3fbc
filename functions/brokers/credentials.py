"""Broker keys, read from the file that the secret store mounts (locally: a file of mode 0600)."""

from __future__ import annotations

import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from functions.core.errors import Misconfigured
from functions.core.settings import Settings


class KeyPair(BaseModel):
    """A broker's key and secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: SecretStr
    secret: SecretStr


class BrokerKeys(BaseModel):
    """The file's content: one data-only pair, and one trading pair for each broker account (by the ledger's id)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data: KeyPair
    accounts: dict[str, KeyPair]


def read_keys(configuration: Settings) -> BrokerKeys:
    """Reads the file anew, because accounts are linked while functions run.

    Raises Misconfigured: NO_SECRETS_FILE, OPEN_SECRETS_FILE (others could read it), BAD_SECRETS_FILE.
    """
    path: Path | None = configuration.secrets_file
    if path is None:
        raise Misconfigured("NO_SECRETS_FILE", "set AGENTTRADER_SECRETS_FILE to the file that holds the broker keys")
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured("OPEN_SECRETS_FILE", f"others can read {path.name}: set its mode to 0600")
        return BrokerKeys.model_validate_json(path.read_text())
    except OSError as error:
        raise Misconfigured("NO_SECRETS_FILE", f"the broker keys cannot be read: {error.strerror}") from error
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        # The input is left out: it is a secret.
        raise Misconfigured("BAD_SECRETS_FILE", f"{path.name} is not a key file: see {place or 'its JSON'}") from None
