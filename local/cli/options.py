"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from local.stack import FIRST_PORT_BASE, LAST_PORT_BASE, Stack, default_state
from local.supervisor.claim import is_claimed

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
State = Annotated[
    Path | None,
    typer.Option(
        "--state", help="State folder; default AGENTTRADER_STATE, else .agenttrader in the project.", metavar="DIR"
    ),
]
PortBase = Annotated[
    int | None,
    typer.Option(
        "--port-base",
        help="First port; default AGENTTRADER_PORT_BASE, else 21000.",
        metavar="PORT",
        min=FIRST_PORT_BASE,
        max=LAST_PORT_BASE,
    ),
]


def demo_state(state: Path | None) -> Path:
    """Where the demo keeps its own cloud, apart from the one of `up`."""
    return (default_state() if state is None else state.resolve()) / "demo"


def found_stack(state: Path | None) -> Stack:
    """The stack a command means: the one of `up`, or a demo's where only that runs. Raises Misconfigured NO_STACK."""
    folder = default_state() if state is None else state.resolve()
    demo = demo_state(state)
    if not is_claimed(folder) and is_claimed(demo):
        return Stack.load(demo)
    return Stack.load(folder)
