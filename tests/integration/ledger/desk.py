"""A trader's desk in a ledger: a user with an account and a strategy, and the steps of a trade's life."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from tests.integration.ledger.ledger import Connection, Ledger, call

NOON = datetime(2013, 10, 7, 16, 0, tzinfo=UTC)
"""Event time of the tests: noon in New York on a Monday."""
_numbers = count(1)


def new_user(ledger: Ledger) -> UUID:
    """A signed-up user; the ledger's trigger gives a profile and a gate."""
    user = uuid4()
    ledger.run("insert into auth.users (id, email) values (%s, %s)", user, f"{user}@example.com")
    return user


def new_account(ledger: Ledger, user: UUID) -> UUID:
    account: UUID = ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id) values (%s, 'alpaca', %s) returning id",
        user,
        f"PA{next(_numbers)}",
    )
    return account


def new_strategy(ledger: Ledger, user: UUID, account: UUID, symbols: tuple[str, ...] = ("SPY", "IWM")) -> UUID:
    """An active strategy that has decided on everything up to the minute before noon."""
    ledger.run(
        "insert into public.strategy_kinds (kind, title, description, config_schema) "
        "values ('by_hand', 'By hand', 'Decides what a test says.', '{}') on conflict do nothing"
    )
    strategy: UUID = ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, %s, 'by_hand', %s) returning id",
        user,
        account,
        f"strategy {next(_numbers)}",
        list(symbols),
    )
    found_valid(ledger, strategy)
    # As a replay does: a person starts a strategy now and not at another moment.
    ledger.run("select public.activate_strategy(%s, %s)", strategy, NOON - timedelta(minutes=1))
    return strategy


def found_valid(ledger: Ledger, strategy: UUID, **inputs: Any) -> None:
    """The verdict that `validate_strategy` gives on the strategy's newest version; what it needs may be said."""
    ((version, symbols, timeframe),) = ledger.rows(
        "select strategy_version, symbols, timeframe from public.strategies where id = %s", strategy
    )
    ledger.call(
        "record_validation",
        "fn_strategy",
        p_strategy_id=strategy,
        p_version=version,
        p_valid=True,
        p_problems=[],
        p_inputs={"symbols": symbols, "timeframe": timeframe, "warm_up": 1} | inputs,
    )


def order_of(side: str = "buy", quantity: str = "100", **more: Any) -> dict[str, Any]:
    """A market order that opens; anything may be said otherwise."""
    return {
        "symbol": "SPY",
        "side": side,
        "position_intent": f"{side}_to_open",
        "quantity": quantity,
        "number": 1,
    } | more


def decision(strategy: UUID, *orders: dict[str, Any], at: datetime = NOON) -> dict[str, Any]:
    return {"strategy_id": str(strategy), "bar_at": at.isoformat(), "reason": "a test says so", "orders": list(orders)}


def fill_of(order: str, quantity: str, price: str, cumulative: str | None = None, **more: Any) -> dict[str, Any]:
    """An execution as the trade stream reports it."""
    return {
        "broker_order_id": order,
        "client_order_id": None,
        "symbol": "SPY",
        "side": "buy",
        "quantity": quantity,
        "price": price,
        "cumulative_quantity": cumulative or quantity,
        "executed_at": (NOON + timedelta(minutes=1)).isoformat(),
        "source": "stream",
        "external_id": None,
    } | more


@dataclass
class Desk:
    """One user, one account, one strategy."""

    ledger: Ledger
    user: UUID
    account: UUID
    strategy: UUID
    _minutes: Any = field(default_factory=count)

    @classmethod
    def open(cls, ledger: Ledger) -> Desk:
        user = new_user(ledger)
        account = new_account(ledger, user)
        return cls(ledger, user, account, new_strategy(ledger, user, account))

    # --- the steps of a trade -------------------------------------------------------------------------------------

    def place(self, side: str = "buy", quantity: str = "100", **more: Any) -> UUID:
        """A pending trade of the strategy, each call at a minute of its own."""
        at = NOON + timedelta(minutes=next(self._minutes))
        (trade,) = self.decide(
            decision(self.strategy, order_of(side, quantity, **more), at=at), symbol=more.get("symbol")
        )
        return UUID(trade)

    def place_exit(self, side: str, quantity: str, **more: Any) -> UUID:
        """A pending trade that closes: it only ever reduces."""
        return self.place(side, quantity, position_intent=f"{side}_to_close", **more)

    def decide(self, *decisions: dict[str, Any], symbol: str | None = None) -> list[str]:
        found: dict[str, list[str]] = self.ledger.call(
            "record_decisions", "fn_strategy", p_symbol=symbol or "SPY", p_decisions=list(decisions)
        )
        return found["placed"]

    def place_by_hand(self, key: str, side: str = "buy", quantity: str = "100", **more: Any) -> UUID:
        order = order_of(side, quantity, **more) | {"idempotency_key": key, "broker_account_id": str(self.account)}
        return UUID(self.ledger.call("place_trade", "authenticated", self.user, p_order=order)["trade_id"])

    def approve(self, trade: UUID, mark: str = "100") -> str:
        return str(self.approval(trade, mark)["status"])

    def approval(
        self, trade: UUID, mark: str | None = "100", quantity: str | None = None, **marks: str
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self.ledger.call(
            "approve_trade", "fn_risk", **approval_of(trade, mark, quantity, **marks)
        )
        return answer

    def claim(self, trade: UUID, now: datetime = NOON) -> dict[str, Any]:
        answer: dict[str, Any] = self.ledger.call("claim_trade", "fn_execute", **claim_of(trade, now))
        return answer

    def submit(self, trade: UUID, order: str | None = None) -> str:
        """The broker has it; returns the broker's order id."""
        order = order or f"order-{trade}"
        self.ledger.call(
            "record_submission", "fn_execute", p_trade_id=trade, p_attempt=1, p_broker_order_id=order, p_at=NOON
        )
        return order

    def working(self, side: str = "buy", quantity: str = "100", **more: Any) -> tuple[UUID, str]:
        """A trade that works at the broker, and the broker's order id."""
        trade = self.place(side, quantity, **more)
        assert self.approve(trade) == "approved"
        assert self.claim(trade)["claimed"]
        return trade, self.submit(trade)

    def fill(self, order: str, quantity: str, price: str, cumulative: str | None = None, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.ledger.call(
            "record_fill",
            "fn_execute",
            p_account_id=self.account,
            p_fill=fill_of(order, quantity, price, cumulative, **more),
        )
        return answer

    def change(self, kind: str, order: str, **more: Any) -> dict[str, Any]:
        """The broker takes a fill back (bust) or corrects it."""
        said = {"kind": kind, "broker_order_id": order, "executed_at": NOON.isoformat(), "source": "stream"} | more
        answer: dict[str, Any] = self.ledger.call("record_fill", "fn_execute", p_account_id=self.account, p_fill=said)
        return answer

    def activity(self, kind: str, external_id: str, **more: Any) -> dict[str, Any]:
        """An account activity, ten minutes after noon where nothing else is said."""
        said = {
            "source": "activities",
            "external_id": external_id,
            "kind": kind,
            "occurred_at": (NOON + timedelta(minutes=10)).isoformat(),
        } | more
        answer: dict[str, Any] = self.ledger.call(
            "apply_activity", "fn_execute", p_account_id=self.account, p_activity=said
        )
        return answer

    def hold(self, quantity: str, price: str = "100") -> None:
        """Makes the account hold a signed quantity."""
        side = "sell" if quantity.startswith("-") else "buy"
        _, order = self.working(side, quantity.lstrip("-"))
        self.fill(order, quantity.lstrip("-"), price)

    def hold_named(self, quantity: str) -> None:
        """The same at a broker that numbers its executions."""
        _, order = self.working(quantity=quantity)
        self.fill(order, quantity, "100", external_id=f"held-{order}")

    def compare(self, minutes: float = 1, gap: float = 10, **held: str) -> dict[str, Any]:
        """What the broker says that the account holds, some minutes after noon."""
        said = [
            {"symbol": symbol, "quantity": quantity, "average_entry_price": "10"} for symbol, quantity in held.items()
        ]
        answer: dict[str, Any] = self.ledger.call(
            "record_broker_positions",
            "fn_execute",
            p_account_id=self.account,
            p_as_of=NOON + timedelta(minutes=minutes),
            p_positions=said,
            p_gap_seconds=gap,
        )
        return answer

    def update(self, order: str, status: str, **more: Any) -> dict[str, Any]:
        """The broker's word on an order."""
        said = {"broker_order_id": order, "client_order_id": None, "status": status, "at": NOON.isoformat()} | more
        answer: dict[str, Any] = self.ledger.call(
            "record_broker_update", "fn_execute", p_account_id=self.account, p_update=said
        )
        return answer

    def attempted(self, trade: UUID, outcome: str, attempt: int = 1) -> str:
        """The sender says how a sending ended; returns the trade's status."""
        said = {"p_trade_id": trade, "p_attempt": attempt, "p_outcome": outcome, "p_detail": "SAID", "p_at": NOON}
        return str(self.ledger.call("record_attempt", "fn_execute", **said)["status"])

    def gate(self, scope: str = "account") -> str:
        """The key of one of the gates on the way of the desk's orders."""
        ids = {"user": self.user, "account": self.account, "strategy": self.strategy}
        return scope if scope == "global" else f"{scope}:{ids[scope]}"

    def close(self, scope: str = "account", mode: str = "no_new_entries", **more: Any) -> dict[str, Any]:
        """A rule closes a gate."""
        said = {"p_gate_key": self.gate(scope), "p_reason": "a test", "p_mode": mode}
        answer: dict[str, Any] = self.ledger.call("close_gate", "fn_risk", **said | more)
        return answer

    def lift(self, scope: str = "account", reason: str = "the test is over") -> None:
        """An administrator opens a gate, as in the Studio."""
        self.ledger.run("select public.open_gate(%s, %s)", self.gate(scope), reason)

    # --- what is on record ----------------------------------------------------------------------------------------

    def status(self, trade: UUID) -> str:
        return str(self.ledger.one("select status from public.trades where id = %s", trade))

    def position(self, symbol: str = "SPY") -> Decimal | int:
        return Decimal(
            self.ledger.one(
                "select coalesce(sum(quantity), 0) from public.position_books "
                "where broker_account_id = %s and symbol = %s",
                self.account,
                symbol,
            )
        )

    def halted(self, scope: str = "account") -> bool:
        """Whether a gate on the way of the desk's orders is closed."""
        return bool(self.ledger.one("select closed from public.trading_gates where gate_key = %s", self.gate(scope)))

    def count(self, table: str) -> int:
        """Rows of this user."""
        return int(self.ledger.one(f"select count(*) from public.{table} where user_id = %s", self.user))

    def set_limit(self, name: str, value: str, scope: str = "account", scope_id: UUID | None = None) -> None:
        """The trader's own limit; the global one is set by an administrator, as in the Studio."""
        scope_id = scope_id or {"account": self.account, "user": self.user, "strategy": self.strategy}.get(scope)
        unit = "shares or contracts" if name == "position_limit" else "dollars"
        if scope == "global":
            self.ledger.run("select public.set_limit('global', null, %s, %s, %s)", name, value, unit)
            return
        said = {"p_scope": scope, "p_scope_id": scope_id, "p_name": name, "p_value": value, "p_unit": unit}
        self.ledger.call("set_limit", "authenticated", self.user, **said)


def approval_of(trade: UUID, mark: str | None = "100", quantity: str | None = None, **marks: str) -> dict[str, Any]:
    """The verdict of a rule that allows; `mark` is what the shares are quoted at, `marks` other symbols."""
    quoted = marks if mark is None else {"SPY": mark, "IWM": mark} | marks
    verdict = {"rule": "A_TEST", "verdict": "allow", "numbers": {}}
    return {"p_trade_id": trade, "p_decisions": [verdict], "p_marks": quoted, "p_quantity": quantity}


def claim_of(trade: UUID, now: datetime = NOON) -> dict[str, Any]:
    return {"p_trade_id": trade, "p_owner": "a test", "p_now": now, "p_lease_seconds": 30}


def calling(function: str, role: str, user: UUID | None = None, /, **arguments: Any) -> Callable[[Connection], Any]:
    """A call to be made later, in another session."""
    return lambda connection: call(connection, function, role, user, **arguments)


def open_session(desk: Desk) -> None:
    """The calendar knows the day of the tests: noon is in its session."""
    session = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}
    desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")


def fill_every_table(desk: Desk) -> None:
    """One eventful session: at least one row of the desk in every table that has an owner."""
    _, order = desk.working()
    desk.fill(order, "150", "10", external_id=f"execution of {desk.account}")  # The excess raises an alert and a halt.
    desk.activity("transfer_out", f"transfer of {desk.account}", symbol="SPY", quantity="-1")
    desk.activity("dividend", f"dividend of {desk.account}", symbol="SPY", amount="1")
    desk.set_limit("position_limit", "1000")
    open_session(desk)
    snapshot = {"p_as_of": NOON, "p_cash": "1", "p_equity": "1"}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **snapshot)
    desk.ledger.call("record_account_rules", "fn_execute", p_account_id=desk.account, p_as_of=NOON, p_rules=rules_of())
    desk.compare(SPY="1")
    desk.ledger.call("write_daily_report", "fn_report", p_account_id=desk.account, p_date="2013-10-07")
    desk.activity("opening_balance", f"option of {desk.account}", symbol="SPY131019C00170000", quantity="1", price="1")
    desk.ledger.run(
        "insert into public.live_confirmations (user_id, broker_account_id, action, by_whom) "
        "values (%s, %s, 'withdrawn', 'a test')",
        desk.user,
        desk.account,
    )
    event = {"id": str(uuid4()), "key": str(desk.account), "data": {"user_id": str(desk.user)}}
    desk.ledger.call("record_dead_letter", "fn_relay", **dead_letter_of(event))
    hook = {"p_name": "a test", "p_url": "https://hook.example/", "p_events": "{trade.filled}"}
    made = desk.ledger.call("create_webhook", "authenticated", desk.user, **hook)
    desk.ledger.call("test_webhook", "authenticated", desk.user, p_webhook_id=made["webhook_id"])


def rules_of(**more: Any) -> dict[str, Any]:
    """What a broker lets an account do."""
    return {
        "account_number": "PA1",
        "is_paper": True,
        "is_margin": True,
        "options_level": 3,
        "may_short": True,
        "closing_only": False,
        "blocked": None,
    } | more


def dead_letter_of(event: dict[str, Any], message: str | None = None, error: str = "HTTP 500") -> dict[str, Any]:
    """What the bus gave up, as `keep_dead_letter` says it."""
    return {
        "p_topic": "trade-events",
        "p_consumer": "submit_order",
        "p_event": event,
        "p_message_id": message or str(uuid4()),
        "p_attempts": 20,
        "p_error": error,
    }
