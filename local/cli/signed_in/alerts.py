"""`agenttrader alerts`: what a person should see, and that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.screen import Screen
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, id_of, opened
from local.cli.signed_in.rows import plain, show
from local.cli.signed_in.trades import Last
from local.client import models

alerts = typer.Typer(no_args_is_help=True)


@alerts.callback()
def _group() -> None:
    """Alerts of whoever is signed in: list, acknowledge.

    Example: agenttrader alerts list
    """


@alerts.command("list", short_help="Show alerts that nobody has acknowledged.")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Those too that were acknowledged.")] = False,
    last: Last = 50,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show alerts, the newest first.

    Example: agenttrader alerts list --all --last 10
    """
    columns: Mapping[str, Callable[[models.Alert], Any]] = {
        "raised": lambda row: row.raised_at,
        "severity": lambda row: row.severity,
        "code": lambda row: row.code,
        "text": lambda row: row.text,
        "acknowledged by": lambda row: row.acknowledged_by,
        "id": lambda row: row.id,
    }
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        show(screen, "alerts", client.all_alerts(open=None if every else "true"), columns, last)
    return Exit.FINE


@alerts.command("acknowledge", short_help="Say that an alert was seen.")
def acknowledge(
    alert: Annotated[str, typer.Argument(help="Its id.", metavar="ALERT")],
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Say that an alert was seen; the first to say so stays on record.

    Example: agenttrader alerts acknowledge 0198c0de-0000-7000-8000-000000000000
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        found = client.acknowledge_alert(id_of(alert, "an alert"))
    # An administrator acknowledges also what they do not read.
    screen.say("It is acknowledged." if found is None else f"{found.code} is acknowledged by {found.acknowledged_by}.")
    screen.result(None if found is None else plain(found))
    return Exit.FINE
