"""`agenttrader`: the commands and what every one of them shares."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from functions.core.errors import AgentTraderError
from local.cli import (
    account_commands,
    admin_commands,
    audit_commands,
    break_glass_command,
    cloud_commands,
    data_commands,
    demo_command,
    doctor_command,
    halt_commands,
    history_commands,
    keys_command,
    limits_commands,
    lookahead_command,
    protect_commands,
    risk_commands,
    strategy_commands,
    verify_command,
    why_command,
)
from local.cli.exits import Exit, exit_of
from local.cli.screen import Screen
from local.cli.signed_in.alerts import alerts
from local.cli.signed_in.login import login, logout
from local.cli.signed_in.orders import orders
from local.cli.signed_in.raw import api
from local.cli.signed_in.strategies import strategies
from local.cli.signed_in.trades import positions, trades


def _exit_with(code: int) -> None:
    raise typer.Exit(int(code))


app = typer.Typer(
    name="agenttrader",
    help="An autonomous trading platform on your machine: the whole cloud, a demo, and checks.\n\n"
    "Example: agenttrader demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    result_callback=_exit_with,
)
app.command("demo", short_help="Replay days of history through everything.")(demo_command.demo)
app.command("up", short_help="Start the local cloud, until Ctrl-C or `down`.")(cloud_commands.up)
app.command("down", short_help="Stop the local cloud, or the demo.")(cloud_commands.down)
app.command("status", short_help="Show each process and how it is.")(cloud_commands.status)
app.command("doctor")(doctor_command.doctor)
app.command("verify")(verify_command.verify)
app.command("why", short_help="Say why a strategy traded, or did not; or the story of a trade.")(why_command.why)
app.add_typer(halt_commands.halt, name="halt")
app.add_typer(limits_commands.limits, name="limits")
app.add_typer(risk_commands.risk, name="risk")
app.add_typer(protect_commands.exits, name="exits")
app.command("lookahead", short_help="Prove that a strategy does not see the future.")(lookahead_command.lookahead)
app.command("break-glass", short_help="Cancel and flatten at the broker itself, while all else is down.")(
    break_glass_command.command
)
app.command("backfill", short_help="Fetch bars of the past, and store them.")(history_commands.backfill)
app.command("history", short_help="Print or export stored bars.")(history_commands.history)
app.add_typer(audit_commands.app, name="audit")
app.command("studio", short_help="Print a link that opens the Studio.")(admin_commands.studio)
app.add_typer(data_commands.data)
app.add_typer(admin_commands.admin)
app.add_typer(strategy_commands.strategy, name="strategy")
app.add_typer(keys_command.keys, name="keys")
app.add_typer(account_commands.account, name="account")
app.command("login", short_help="Sign in to the REST API, here or hosted.")(login)
app.command("logout", short_help="End the session.")(logout)
app.add_typer(orders, name="orders")
app.add_typer(trades, name="trades")
app.command("positions", short_help="Show what you hold.")(positions)
app.add_typer(strategies, name="strategies")
app.add_typer(alerts, name="alerts")
app.command("api", short_help="Send one request of the REST API.")(api)


def main() -> None:
    """The entry point of the installed command. Exit codes: 0 fine, 1 a check failed, 2 wrong use, 3 environment."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code; errors are printed as sentences."""
    try:
        app(arguments, prog_name="agenttrader")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.CHECK_FAILED
    except AgentTraderError as error:
        Screen.open("--json" in arguments).error(error)
        return exit_of(error)
    return Exit.FINE


def _as_interrupt(_: int, __: FrameType | None) -> None:
    # SIGTERM ends a command the way Ctrl-C does: through the code that stops the cloud.
    raise KeyboardInterrupt
