"""`agenttrader api`: one request, for what has no command of its own."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

import typer

from functions.core.errors import BadInput
from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.screen import Screen
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, opened


def api(
    method: Annotated[
        Literal["GET", "POST", "PUT", "DELETE"], typer.Argument(help="The method.", case_sensitive=False)
    ],
    path: Annotated[str, typer.Argument(help="The path under /functions/v1/api, with its query.", metavar="PATH")],
    body: Annotated[str | None, typer.Option(help="The body as JSON; - for standard input.", metavar="JSON")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The Idempotency-Key; made for you where you give none.", metavar="TEXT")
    ] = None,
    if_match: Annotated[str | None, typer.Option(help="The ETag that you saw, or *.", metavar="ETAG")] = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Send one request of the API as whoever is signed in, and print what it answers.

    Example: agenttrader api GET "/trades?symbol=SPY&limit=5"

    Example: agenttrader api POST /risk/preview --body '{"broker_account_id": "...", "symbol": "SPY", "side": "buy"}'
    """
    screen = Screen.open(as_json)
    headers = {"Idempotency-Key": key, "If-Match": if_match}
    content = None if body is None else _json(sys.stdin.read() if body == "-" else body)
    with opened(profile, state) as client:
        answer = client.call(
            method, f"/api/{path.lstrip('/')}", headers=headers, once=method == "POST", content=content
        )
    said = _read(answer.text)
    if as_json:
        screen.result({"status": answer.status_code, "etag": answer.headers.get("ETag"), "body": said})
    elif said is not None:
        screen.out.print(said if isinstance(said, str) else json.dumps(said, indent=2), markup=False)
    return Exit.FINE


def _json(text: str) -> bytes:
    try:
        json.loads(text)
    except ValueError as error:
        raise BadInput("NOT_JSON", f"--body must be JSON: {error}") from error
    return text.encode()


def _read(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
