"""The credentials of a break-glass: from a file that only its owner can read, from the environment, or typed in."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import SecretStr, ValidationError

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import KeyPair, TastytradeLogin
from functions.brokers.protocol import Broker
from functions.brokers.sealing import FIELDS
from functions.brokers.tastytrade import TastytradeBroker
from functions.core.errors import BadInput, Misconfigured
from functions.core.settings import Settings
from local.stack import write_private

BrokerName = Literal["alpaca", "tastytrade"]
_VARIABLE: Final = "AGENTTRADER_BREAK_GLASS_"
_SHAPE: Final = "see docs/break-glass.md for its shape"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one account is reached with; `fields` are those of the dashboard's form, and are not shown."""

    broker: BrokerName
    account: str
    is_paper: bool
    fields: Mapping[str, str] = field(repr=False)

    @property
    def environment(self) -> str:
        return "paper" if self.is_paper else "live"

    @property
    def address(self) -> str | None:
        """Where else than at the broker it is spoken to: at a simulator. None for the broker itself."""
        found = _settings()
        return found.alpaca_trading_url if self.broker == "alpaca" else found.tastytrade_url

    def open(self) -> Broker:
        """The adapter, without rate budget and breaker: both live in the hot store, which may be down.

        Raises Misconfigured WRONG_ENDPOINT and BAD_SETTING.
        """
        secret = {name: SecretStr(value) for name, value in self.fields.items()}
        if self.broker == "alpaca":
            return AlpacaBroker(KeyPair(**secret), _settings(), is_paper=self.is_paper)
        login = TastytradeLogin(**secret)
        return TastytradeBroker(login, _settings(), account_number=self.account, is_paper=self.is_paper)

    def write(self, path: Path) -> None:
        """Writes the file that `find` reads, mode 0600. Raises Misconfigured CREDENTIALS_NOT_WRITTEN."""
        document = {"broker": self.broker, "account": self.account, "environment": self.environment, **self.fields}
        try:
            write_private(path, json.dumps(document, indent=2) + "\n")
        except OSError as error:
            raise Misconfigured(
                "CREDENTIALS_NOT_WRITTEN", f"{path} cannot be written: {error.strerror}; name another file"
            ) from error


def find(
    broker: BrokerName, account: str, *, is_paper: bool, path: Path | None, ask: Callable[[str], str] | None
) -> Credentials:
    """The credentials of the file where there is one, else of the environment, else as `ask` gets them typed in.

    Raises Misconfigured NO_CREDENTIALS, OPEN_CREDENTIALS or BAD_CREDENTIALS, and BadInput OTHER_CREDENTIALS where they
    are another account's.
    """
    names = FIELDS[broker]
    if path is not None:
        return Credentials(broker, account, is_paper, _from_file(path, broker, account, is_paper=is_paper))
    variables = {name: _VARIABLE + name.upper() for name in names}
    given = {name: os.environ.get(variable, "") for name, variable in variables.items()}
    if all(given.values()):
        return Credentials(broker, account, is_paper, given)
    if ask is None:
        raise Misconfigured(
            "NO_CREDENTIALS",
            f"give --credentials FILE, or set {' and '.join(variables.values())}, or run this at a terminal",
        )
    return Credentials(broker, account, is_paper, {name: ask(name.replace("_", " ")) for name in names})


def _from_file(path: Path, broker: BrokerName, account: str, *, is_paper: bool) -> dict[str, str]:
    document = _read(path)
    expected = {"broker": broker, "account": account, "environment": "paper" if is_paper else "live"}
    for name, wanted in expected.items():
        if document.get(name) != wanted:
            raise BadInput(
                "OTHER_CREDENTIALS",
                f"{path} is for {name} {document.get(name)!r}, and {wanted!r} was asked for; name the other file",
            )
    fields = {name: document.get(name) for name in FIELDS[broker]}
    if not all(isinstance(value, str) and value for value in fields.values()):
        raise Misconfigured("BAD_CREDENTIALS", f"{path} must hold {' and '.join(fields)} of {broker}; {_SHAPE}")
    return {name: str(value) for name, value in fields.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured("OPEN_CREDENTIALS", f"others can read {path}: run `chmod 600 {path}`, then this again")
        document = json.loads(path.read_text())
    except OSError as error:
        raise Misconfigured("NO_CREDENTIALS", f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        document = None
    if not isinstance(document, dict):
        # What was read is left out: it is a secret.
        raise Misconfigured("BAD_CREDENTIALS", f"{path} is no JSON object; {_SHAPE}") from None
    return document


def _settings() -> Settings:
    """Of all settings only the brokers' addresses and timeouts count, so nothing of the cloud need be set."""
    nowhere: dict[str, Any] = {"SUPABASE_URL": "http://unused.invalid", "publishable_key": "-", "jwt_secret": "-"}
    try:
        return Settings(**nowhere)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        variable = f"AGENTTRADER_{str(first['loc'][0]).upper()}"
        raise Misconfigured("BAD_SETTING", f"the environment variable {variable}: {first['msg']}") from None
