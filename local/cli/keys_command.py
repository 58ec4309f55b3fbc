"""`agenttrader keys`: the key pairs that credentials are sealed with."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from functions.brokers.keyring import Keyring
from functions.brokers.rotating import Rotated, rotate
from functions.brokers.sealing import Purpose
from functions.core.ledger.credentials import CredentialLedger
from functions.core.ledger.transport import RestTransport
from functions.core.settings import Settings
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.screen import Screen
from local.stack import Stack
from local.supervisor.broker_keys import PURPOSES, keep_keyring, stack_keyring

# Whose private key it is rotates it: no role is made that reaches both.
_ROLES: Final[dict[Purpose, str]] = {"trading": "fn_execute", "data": "fn_ingest"}

keys = typer.Typer(no_args_is_help=True)


@keys.callback()
def _group() -> None:
    """The key pairs that broker credentials are sealed with.

    Example: agenttrader keys rotate
    """


@keys.command("rotate")
def rotate_keys(
    as_json: Json = False,
    state: State = None,
    purpose: Annotated[str | None, typer.Option(help="trading or data; default both.", metavar="PURPOSE")] = None,
) -> int:
    """Make new key pairs, re-seal every credential, retire the old keys. Trading goes on. Safe to run again.

    Exit 1 where a credential could not be opened: its trader has to enter it again, then run this again.

    Example: agenttrader keys rotate
    """
    if purpose is not None and purpose not in PURPOSES:
        raise typer.BadParameter(f"expected trading or data, was {purpose!r}", param_hint="--purpose")
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    done = [_rotate(stack, each) for each in PURPOSES if purpose in (None, each)]
    for one in done:
        begun = "went on with a rotation that was cut short" if one.resumed else "made a new key pair"
        screen.say(f"{one.purpose}: {begun}, {one.key[:12]}; re-sealed {one.resealed}.")
        for account in one.unreadable:
            screen.say(f"{one.purpose}: the credential of account {account} cannot be opened; enter it again.")
    screen.result(
        {
            one.purpose: {
                "key": one.key,
                "resumed": one.resumed,
                "resealed": one.resealed,
                "unreadable": [str(account) for account in one.unreadable],
            }
            for one in done
        }
    )
    return Exit.FINE if all(one.complete for one in done) else Exit.CHECK_FAILED


class StackKeyrings:
    """Keyrings in the files of a local stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def read(self, purpose: Purpose) -> Keyring:
        return stack_keyring(self._stack, purpose)

    def keep(self, keyring: Keyring) -> None:
        keep_keyring(self._stack, keyring)


def _rotate(stack: Stack, purpose: Purpose) -> Rotated:
    settings = Settings.model_validate(
        {
            "supabase_url": stack.url("gateway"),
            "publishable_key": stack.publishable_key,
            "jwt_secret": stack.secrets.jwt_secret,
        }
    )
    return rotate(purpose, StackKeyrings(stack), CredentialLedger(RestTransport(settings, _ROLES[purpose])))
