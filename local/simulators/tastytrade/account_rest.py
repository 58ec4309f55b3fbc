"""Accounts: who they are, what they hold, what happened on them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.simulators.tastytrade import account_view, refusals, symbols
from local.simulators.tastytrade import transactions as transaction_view
from local.simulators.tastytrade.envelope import listed, paged, single
from local.simulators.tastytrade.route_context import account_of_path, login_of, simulator_of, smaller_pages
from local.simulators.tastytrade.wire import flag, optional_day, optional_moment, signed


async def customer(request: Request) -> Response:
    """The little of a customer that a link check reads; the SDK's whole model of a person is not simulated."""
    login = login_of(request)
    return single(request, {"id": "me", "user-id": "U0001", "username": "simulated", "grant": login.account_number})


async def accounts(request: Request) -> Response:
    login, simulator = login_of(request), simulator_of(request)
    rows = [
        {
            "account": account_view.account(owner, simulator.started_at),
            "authority-level": "read-only" if login.reads_only else "owner",
        }
        for owner in simulator.tasty_accounts()
        if owner.number == login.account_number
    ]
    return listed(request, rows)


async def account(request: Request) -> Response:
    return single(request, account_view.account(account_of_path(request), simulator_of(request).started_at))


async def trading_status(request: Request) -> Response:
    return single(request, account_view.trading_status(account_of_path(request), simulator_of(request).started_at))


async def balance(request: Request) -> Response:
    owner = account_of_path(request)
    if request.path_params.get("currency", "USD") != "USD":
        raise refusals.not_found("balance of this currency")
    return single(request, account_view.balance(owner))


async def balance_snapshots(request: Request) -> Response:
    """The account at each close; the present where nothing was closed yet."""
    owner, query = account_of_path(request), request.query_params
    first, last = (optional_day(query.get(name), name) for name in ("start-date", "end-date"))
    wanted = optional_day(query.get("snapshot-date"), "snapshot-date")
    rows = [
        row
        for day, row in owner.snapshots
        if (first is None or day >= first) and (last is None or day <= last) and (wanted is None or day == wanted)
    ]
    if not rows and wanted is None:
        rows = [account_view.balance(owner)]
    return paged(request, rows, default=250, most=2000, at_most=smaller_pages(request))


async def positions(request: Request) -> Response:
    owner, query = account_of_path(request), request.query_params
    wanted = set(query.getlist("underlying-symbol[]"))
    marks = flag(query.get("include-marks"))
    symbol, kind = query.get("symbol"), query.get("instrument-type")
    rows = [
        account_view.position(owner, shown, with_mark=marks)
        for shown in owner.shown.shown()
        if (not wanted or symbols.underlying(shown.symbol) in wanted)
        and (symbol is None or shown.symbol == symbols.canonical(symbol))
        and (kind is None or symbols.instrument_type(shown.symbol) == kind)
    ]
    return listed(request, rows)


async def transactions(request: Request) -> Response:
    owner, query = account_of_path(request), request.query_params
    kinds = set(query.getlist("types[]")) | ({query["type"]} if "type" in query else set())
    sub_kinds = set(query.getlist("sub-type[]"))
    first, last = (optional_day(query.get(name), name) for name in ("start-date", "end-date"))
    start, end = (optional_moment(query.get(name), name) for name in ("start-at", "end-at"))
    symbol = query.get("symbol")
    found = [
        one.row
        for one in transaction_view.transactions(owner)
        if (not kinds or one.row["transaction-type"] in kinds)
        and (not sub_kinds or one.row["transaction-sub-type"] in sub_kinds)
        and (first is None or one.day >= first)
        and (last is None or one.day <= last)
        and (start is None or one.at >= start)
        and (end is None or one.at <= end)
        and (symbol is None or one.row.get("symbol") == symbols.outside(symbols.canonical(symbol)))
        and _matches(one.row, query.get("underlying-symbol"), "underlying-symbol")
        and _matches(one.row, query.get("instrument-type"), "instrument-type")
        and _matches(one.row, query.get("action"), "action")
    ]
    if query.get("sort", "Desc") != "Asc":
        found.reverse()
    return paged(request, found, default=250, most=2000, at_most=smaller_pages(request))


async def transaction(request: Request) -> Response:
    wanted = request.path_params["id"]
    for one in transaction_view.transactions(account_of_path(request)):
        if one.row["id"] == wanted:
            return single(request, one.row)
    raise refusals.not_found(f"transaction {wanted}")


async def total_fees(request: Request) -> Response:
    owner = account_of_path(request)
    day = optional_day(request.query_params.get("date"), "date") or account_view.today_of(owner)
    return single(request, signed("total-fees", -transaction_view.fees(owner, day)))


async def margin(request: Request) -> Response:
    return single(request, account_view.margin(account_of_path(request)))


def _matches(row: dict[str, Any], wanted: str | None, name: str) -> bool:
    return wanted is None or row.get(name) == wanted


routes = [
    Route("/customers/me", customer, methods=["GET"]),
    Route("/customers/me/accounts", accounts, methods=["GET"]),
    Route("/customers/me/accounts/{number}", account, methods=["GET"]),
    Route("/accounts/{number}/trading-status", trading_status, methods=["GET"]),
    Route("/accounts/{number}/balances", balance, methods=["GET"]),
    Route("/accounts/{number}/balances/{currency}", balance, methods=["GET"]),
    Route("/accounts/{number}/balance-snapshots", balance_snapshots, methods=["GET"]),
    Route("/accounts/{number}/positions", positions, methods=["GET"]),
    Route("/accounts/{number}/transactions/total-fees", total_fees, methods=["GET"]),
    Route("/accounts/{number}/transactions/{id:int}", transaction, methods=["GET"]),
    Route("/accounts/{number}/transactions", transactions, methods=["GET"]),
    Route("/margin/accounts/{number}/requirements", margin, methods=["GET"]),
]
