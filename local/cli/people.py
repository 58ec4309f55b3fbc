"""Making a person's login in the local cloud, as a sign-up in the dashboard would."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from functions.core.errors import Refused, Unavailable
from local.conductor.control import Control
from local.stack import Stack


def sign_up(stack: Stack, email: str, password: str, *, details: dict[str, Any] | None = None) -> UUID:
    """The new user's id, by the administration of Auth: the ledger's triggers then make profile and gate.

    `details` are the user's metadata, such as `display_name` or the token of an `invitation`. The address counts as
    confirmed. Raises Refused NOT_SIGNED_UP with what Auth says, and Unavailable where the gateway does not answer.
    """
    gateway = Control(
        "gateway",
        stack.url("gateway"),
        headers={"apikey": stack.service_key, "Authorization": f"Bearer {stack.service_key}"},
    )
    try:
        user = gateway.post(
            "/auth/v1/admin/users",
            {"email": email, "password": password, "email_confirm": True, "user_metadata": details or {}},
        )
    except Unavailable as error:
        if error.code != "CONTROL_REFUSED":
            raise
        said = _sentence(error.text)
        if said.startswith(("SIGN_UP_CLOSED", "INVITATION_")):
            said += (
                f"; `agenttrader admin invite {email}` prints a token for this very address, and "
                f"`agenttrader admin add {email} --invitation TOKEN` uses it up"
            )
        raise Refused("NOT_SIGNED_UP", f"{email} was not signed up: {said}") from error
    finally:
        gateway.close()
    if not isinstance(user, dict) or "id" not in user:
        raise Unavailable("NO_USER", f"the gateway did not answer with a user, but with {user!r}")
    return UUID(user["id"])


def _sentence(answer: str) -> str:
    """What Auth says for people, out of a refusal that ends with its JSON; all of it where there is none."""
    try:
        return str(json.loads(answer[answer.index("{") :])["msg"])
    except (ValueError, KeyError, TypeError):
        return answer
