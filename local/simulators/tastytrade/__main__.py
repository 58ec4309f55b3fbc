"""Starts the tastytrade simulator: `python -m local.simulators.tastytrade --help`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from functions.core.errors import AgentTraderError, Misconfigured
from local.process.listening import listen
from local.simulators.tastytrade.app import build
from local.simulators.tastytrade.logins import read_accounts
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.tastytrade.tokens import LIFE_SECONDS
from local.simulators.venue.pace import read_pace
from local.simulators.venue.server import server
from local.tape.sessions import new_york
from local.tape.spec import DEFAULT, open_tape

_LOG = logging.getLogger("agenttrader.tastytrade")
_WRONG_USE = 2
_CANNOT_START = 3


def main() -> int:
    """Serves until told to stop. Returns 2 for wrong use, 3 where it cannot start."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # The server passes the signal on after it has closed its connections; ending on SIGTERM is a clean end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    options = _options()
    state = Path(os.environ.get("AGENTTRADER_STATE", ".agenttrader"))
    try:
        listening = listen(options.port, "tastytrade simulator")
        speed = read_pace(options.pace)
        accounts = read_accounts(options.accounts) if options.accounts else []
        calendar = new_york(cache=state / "cache")
        tape = open_tape(options.tape, seed=options.seed, calendar=calendar)
        simulator = Simulator(tape, calendar, accounts, token_life=options.token_life)
    except AgentTraderError as error:
        _LOG.error("%s", error)
        return _CANNOT_START if isinstance(error, Misconfigured) else _WRONG_USE
    _LOG.info("tastytrade simulator on port %s. %s", listening.getsockname()[1], tape.description)
    server(build(simulator, tape=options.tape, seed=options.seed, speed=speed), dated=False).run(sockets=[listening])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulators.tastytrade", description="The tastytrade simulator."
    )
    base = os.environ.get("AGENTTRADER_PORT_BASE", "21000")
    if not base.isdecimal():
        parser.error(f"AGENTTRADER_PORT_BASE must be a port number, was {base!r}")
    parser.add_argument("--port", type=int, default=int(base) + 11, help="port on 127.0.0.1 (default %(default)s)")
    parser.add_argument("--tape", default=DEFAULT, help="sp500|minute:SYMBOL:FIRST[:LAST] (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the made path (default %(default)s)")
    parser.add_argument("--pace", default="lockstep", help="lockstep, realtime, or such as 60x (default %(default)s)")
    parser.add_argument(
        "--accounts", type=Path, help="JSON file: a list of account_number, refresh_token, client_secret, cash"
    )
    parser.add_argument("--token-life", type=int, default=LIFE_SECONDS, help="seconds of an access token (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
