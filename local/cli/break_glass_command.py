"""`agenttrader break-glass`: for the day when the database, the cloud or this machine's local cloud is down."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from functions.brokers.holdings import AccountRules
from functions.brokers.orders import BrokerOrder
from functions.core.errors import AgentTraderError, BadInput, Misconfigured
from functions.core.money import text
from local.break_glass.credentials import BrokerName, Credentials, find
from local.break_glass.journal import Journal, unfinished
from local.break_glass.looking import Lookout, Orders, Pace, Picture, Selection
from local.break_glass.procedure import Result, as_json, break_glass
from local.cli.exits import Exit
from local.cli.options import Json
from local.cli.screen import Screen, someone_to_ask


def command(
    broker: Annotated[BrokerName, typer.Option(help="Whose account it is.")],
    account: Annotated[str, typer.Option(help="The account's number, as the broker shows it.", metavar="NUMBER")],
    paper: Annotated[bool, typer.Option("--paper", help="It is a paper account.")] = False,
    live: Annotated[bool, typer.Option("--live", help="It is a live account.")] = False,
    cancel_only: Annotated[bool, typer.Option("--cancel-only", help="Cancel orders, close nothing.")] = False,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Only this symbol, and options on it; may be repeated.", metavar="SYMBOL")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is there.")] = False,
    credentials: Annotated[
        Path | None, typer.Option(help="File of mode 0600 with the account's credentials.", metavar="FILE")
    ] = None,
    write_credentials: Annotated[
        Path | None, typer.Option(help="Check the credentials, write them to this file, and end.", metavar="FILE")
    ] = None,
    yes_flatten: Annotated[
        str | None, typer.Option(help="Do not ask: the account's number again.", metavar="NUMBER")
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Where it is kept what was done.  [default: break-glass-BROKER-NUMBER.jsonl here]", metavar="FILE"
        ),
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds that each part may take.", min=1)] = 60.0,
    as_json: Json = False,
) -> int:
    """Cancel every order and close every position at the broker itself, with nothing of the cloud in between.

    Shows what is there and asks first. Safe to run again. Exit 0 all flat, 1 something is left, 2 wrong use, 3 no way
    to the broker.

    Example: agenttrader break-glass --broker alpaca --account PA31EXAMPLE --paper --credentials glass.json --dry-run
    """
    screen = Screen.open(as_json)
    if paper == live:
        raise BadInput("PAPER_OR_LIVE", "say whether the account is --paper or --live: never both, never neither")
    if yes_flatten is not None and yes_flatten != account:
        raise BadInput("NOT_CONFIRMED", f"--yes-flatten must name the account {account}, was {yes_flatten!r}")
    asks = _ask if someone_to_ask() else None
    if not (dry_run or write_credentials or yes_flatten or asks):
        raise BadInput("NOT_CONFIRMED", f"there is nobody to ask here: give --yes-flatten {account}")
    found = find(broker, account, is_paper=paper, path=credentials, ask=asks)
    run = _Run(
        screen,
        found,
        Selection(frozenset(name.upper() for name in symbol or ())),
        Pace(patience=patience),
        journal or Path(f"break-glass-{broker}-{account}.jsonl"),
        cancel_only=cancel_only,
        confirmed=yes_flatten is not None,
    )
    return asyncio.run(run.write(write_credentials) if write_credentials else run.go(dry_run=dry_run))


class _Run:
    """One call of the command."""

    def __init__(
        self,
        screen: Screen,
        credentials: Credentials,
        selection: Selection,
        pace: Pace,
        journal: Path,
        *,
        cancel_only: bool,
        confirmed: bool,
    ) -> None:
        self._screen, self._credentials, self._journal = screen, credentials, journal
        self._cancel_only, self._confirmed = cancel_only, confirmed
        self._broker = credentials.open()
        self._lookout = Lookout(self._broker, selection, pace, screen.note)

    async def write(self, path: Path) -> Exit:
        """Keeps credentials that were tried out by a read-only call."""
        try:
            await self._who()
        finally:
            await self._broker.aclose()
        self._credentials.write(path)
        self._screen.say(f"Written to {path}, mode 0600. Keep it off this machine's backups; try it with --dry-run.")
        self._screen.result(self._about() | {"written": str(path)})
        return Exit.FINE

    async def go(self, *, dry_run: bool) -> Exit:
        try:
            rules = await self._who()
            picture = await self._lookout.picture()
            self._show(rules, picture)
            if dry_run:
                self._screen.say("Nothing was done: this was a dry run.")
                self._screen.result(self._about() | {"dry_run": True, "before": as_json(picture)})
                return Exit.FINE if picture.is_whole else Exit.CHECK_FAILED
            self._confirm()
            result = await self._act(picture)
        finally:
            await self._broker.aclose()
        for table in _result_tables(result):
            self._screen.show(table)
        what = "Nothing works" if self._cancel_only else "Flat: nothing works and nothing is held"
        self._screen.say(f"{what}." if result.is_clean else "SOMETHING IS LEFT: see above. Run this again, or use")
        if not result.is_clean:
            self._screen.say("the broker's own page or its desk.")
        self._screen.say(f"What was done is kept in {self._journal}.")
        said = {"clean": result.is_clean, "before": as_json(picture), "journal": str(self._journal)}
        self._screen.result(self._about() | said | result.as_json())
        return Exit.FINE if result.is_clean else Exit.CHECK_FAILED

    async def _who(self) -> AccountRules:
        self._screen.note(f"Asking {self._credentials.broker} for the account {self._credentials.account}")
        return await self._lookout.who(self._credentials.account, is_paper=self._credentials.is_paper)

    async def _act(self, picture: Picture) -> Result:
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        journal = Journal.open(self._journal, run_id, self._screen.note)
        try:
            # Nobody else adds to it from here on.
            earlier = unfinished(self._journal)
            meant = {"cancel_only": self._cancel_only, "symbols": sorted(self._lookout.selection.symbols)}
            journal.write("began", **self._about(), **meant, before=as_json(picture))
            result = await break_glass(
                self._lookout,
                journal,
                self._screen.note,
                run_id=run_id,
                cancel_only=self._cancel_only,
                earlier=earlier,
            )
            journal.write("ended all", clean=result.is_clean, **result.as_json())
        except AgentTraderError as error:
            journal.write("stopped", code=error.code, text=error.text)
            raise
        finally:
            journal.close()
        return result

    def _confirm(self) -> None:
        """Raises BadInput NOT_CONFIRMED unless the account's number is typed in."""
        if self._confirmed:
            return
        number = self._credentials.account
        what = "cancel all of this" if self._cancel_only else "cancel and close all of this AT MARKET"
        typed = typer.prompt(f"Type the account number to {what}", err=True, default="", show_default=False)
        if typed.strip() != number:
            raise BadInput("NOT_CONFIRMED", f"that is not {number}; nothing was done")

    def _about(self) -> dict[str, Any]:
        found = self._credentials
        return {"broker": found.broker, "account": found.account, "environment": found.environment}

    def _show(self, rules: AccountRules, picture: Picture) -> None:
        found, screen = self._credentials, self._screen
        market = "open" if picture.is_open else "CLOSED: nothing can be closed now, orders can be cancelled"
        screen.say(f"{found.broker} {found.environment.upper()} account {found.account}; the market is {market}.")
        if found.address is not None:
            screen.say(f"NOT THE BROKER'S OWN ADDRESS, but as the environment says: {found.address}")
        if rules.blocked is not None:
            screen.say(f"The broker says of the account: {rules.blocked}")
        screen.show(_orders_table(picture.orders))
        if picture.positions is None:
            screen.say(str(picture.trouble))
            return
        table = _table("Positions", "symbol", "quantity", "entry", "mark")
        for one in picture.positions:
            entry, mark = text(one.average_entry_price), "unknown" if one.mark is None else text(one.mark)
            table.add_row(one.symbol, text(one.quantity), entry, mark)
        screen.show(table)


def _ask(what: str) -> str:
    """Typed in without being shown."""
    answer: str = typer.prompt(f"{what} (not shown)", hide_input=True, err=True)
    if not answer.strip():
        raise Misconfigured("NO_CREDENTIALS", f"the {what} is empty; nothing was done")
    return answer.strip()


def _orders_table(orders: Orders) -> Table:
    table = _table("Working orders", "order", "symbol", "side", "type", "quantity", "filled", "price", "status")
    for one in orders.working:
        price = one.limit_price if one.limit_price is not None else one.stop_price
        quantity = "-" if one.quantity is None else text(one.quantity)
        shown = "-" if price is None else text(price)
        filled = text(one.filled_quantity)
        table.add_row(
            one.broker_order_id, _symbols(one), one.side, one.order_type, quantity, filled, shown, one.raw_status
        )
    for row in orders.unreadable:
        table.add_row(row.row[:40], "?", "", "", "", "", "", f"cannot be read: {row.reason}", style="red")
    return table


def _result_tables(result: Result) -> list[Table]:
    canceled = _table("Orders", "order", "symbol", "outcome", "filled", "refused because")
    for one in result.canceled:
        style = "red" if one.outcome == "working" else None
        filled = text(one.order.filled_quantity)
        canceled.add_row(
            one.order.broker_order_id, _symbols(one.order), one.outcome, filled, one.reason or "", style=style
        )
    closed = _table("Closes", "symbol", "held", "outcome", "filled", "client order id")
    for sent in result.closed:
        outcome = "not taken" if sent.order is None else sent.order.state
        filled = "0" if sent.order is None else text(sent.order.filled_quantity)
        closed.add_row(sent.symbol, text(sent.held), outcome, filled, sent.client_order_id)
    left = _table("LEFT", "what", "how much", "why")
    for order in result.orders:
        left.add_row(
            f"order {order.broker_order_id} of {_symbols(order)}", "", f"still {order.raw_status}", style="red"
        )
    if result.unreadable_orders:
        left.add_row("orders that cannot be read", str(result.unreadable_orders), "see the broker's page", style="red")
    for position, why in result.positions:
        left.add_row(position.symbol, text(position.quantity), why, style="red")
    if result.unread is not None:
        left.add_row("positions", "unknown", result.unread, style="red")
    return [table for table in (canceled, closed, left) if table.row_count]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _symbols(order: BrokerOrder) -> str:
    return ", ".join(leg.symbol for leg in order.legs) or order.symbol
