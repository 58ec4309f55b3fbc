"""The same trader three times: by supabase-js, by supabase-py, and by the client that is made from the document."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

from local.client import Client, Session, models
from local.stack import PROJECT, Stack
from local.supervisor import tools
from supabase import create_client

PASSWORD = "correct horse battery 9"
Json = dict[str, Any]


class Trader(Protocol):
    """What a trader does, and reads of it. Ids are text, amounts as the API writes them."""

    user: UUID

    def sealing_key(self) -> tuple[str, str]: ...
    def link(self, number: str) -> str: ...
    def enter(self, account: str, key: str, sealed: str) -> None: ...
    def link_state(self, account: str) -> str: ...
    def create_strategy(self, account: str, kind: str) -> str: ...
    def activate(self, strategy: str, since: str) -> str: ...
    def place(self, account: str, quantity: str, price: str | None) -> str: ...
    def replace(self, trade: str, price: str) -> str: ...
    def cancel(self, trade: str) -> None: ...
    def status(self, trade: str) -> str: ...
    def fills(self, trade: str) -> list[tuple[str, Decimal]]: ...
    def held(self) -> dict[str, Decimal]: ...
    def current_pnl(self) -> int: ...
    def reports(self) -> list[tuple[str, str, int]]: ...
    def close(self) -> None: ...


class ByInvoking:
    """By a Supabase client's own way to call an edge function."""

    user: UUID

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        raise NotImplementedError

    def act(self, path: str, body: Json | None = None) -> Any:
        return self.ask("POST", path, body, **{"Idempotency-Key": str(uuid4())})

    def sealing_key(self) -> tuple[str, str]:
        key = self.ask("GET", "/broker-accounts/sealing-key")
        return key["id"], key["public_key"]

    def link(self, number: str) -> str:
        return str(self.act("/broker-accounts", {"broker": "alpaca", "number": number})["id"])

    def enter(self, account: str, key: str, sealed: str) -> None:
        credential = {"purpose": "trading", "key_id": key, "sealed": sealed}
        self.ask("PUT", f"/broker-accounts/{account}", {"credential": credential}, **{"If-Match": "*"})

    def link_state(self, account: str) -> str:
        return str(self.ask("GET", f"/broker-accounts/{account}")["link_state"])

    def create_strategy(self, account: str, kind: str) -> str:
        asked = {"broker_account_id": account, "kind": kind, "name": "Mine", "config": {}, "symbols": ["SPY"]}
        return str(self.act("/strategies", asked)["id"])

    def activate(self, strategy: str, since: str) -> str:
        return str(self.act(f"/strategies/{strategy}/activate", {"from": since})["status"])

    def place(self, account: str, quantity: str, price: str | None) -> str:
        order = {"broker_account_id": account, "symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}
        limit = {} if price is None else {"order_type": "limit", "price": price}
        return str(self.act("/orders", order | {"quantity": quantity} | limit)["id"])

    def replace(self, trade: str, price: str) -> str:
        version = self.ask("GET", f"/trades/{trade}")["version"]
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(uuid4())}
        return str(self.ask("PUT", f"/orders/{trade}", {"price": price}, **headers)["id"])

    def cancel(self, trade: str) -> None:
        self.ask("DELETE", f"/orders/{trade}")

    def status(self, trade: str) -> str:
        return str(self.ask("GET", f"/trades/{trade}")["status"])

    def fills(self, trade: str) -> list[tuple[str, Decimal]]:
        return [(fill["symbol"], Decimal(fill["quantity"])) for fill in self.ask("GET", f"/trades/{trade}")["fills"]]

    def held(self) -> dict[str, Decimal]:
        return {row["symbol"]: Decimal(row["quantity"]) for row in self.ask("GET", "/positions")["data"]}

    def current_pnl(self) -> int:
        return len(self.ask("GET", "/pnl/current")["positions"])

    def reports(self) -> list[tuple[str, str, int]]:
        rows = self.ask("GET", "/reports")["data"]
        days = self.ask("GET", "/pnl/daily")["data"]
        assert [day["report_id"] for day in days] == [row["id"] for row in rows]
        return [(row["broker_account_id"], row["report_date"], row["fills"]) for row in rows]

    def close(self) -> None:
        """Nothing is held."""


class BySupabasePy(ByInvoking):
    def __init__(self, stack: Stack, email: str) -> None:
        self._client = create_client(stack.url("gateway"), stack.publishable_key)
        answer = self._client.auth.sign_up({"email": email, "password": PASSWORD})
        assert answer.user is not None
        self.user = UUID(answer.user.id)

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        asked: Json = {"method": method, "headers": headers} | ({} if body is None else {"body": body})
        answer = self._client.functions.invoke(f"api{path}", asked)
        assert isinstance(answer, bytes)
        return json.loads(answer) if answer else None


class BySupabaseJs(ByInvoking):
    def __init__(self, stack: Stack, email: str) -> None:
        node = tools.node()
        assert node is not None
        arguments = [stack.url("gateway"), stack.publishable_key, email, PASSWORD]
        self._process = subprocess.Popen(
            [node, str(Path(__file__).with_name("supabase_js.mjs")), *arguments],
            env=os.environ | {"LOCAL_PACKAGES": str(PROJECT / "local" / "package.json")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.user = UUID(self._read()["user"])

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"path": path, "method": method, "headers": headers, "body": body}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert "refused" not in answer, (method, path, answer)
        return answer["data"]

    def _read(self) -> Json:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "supabase-js ended"
        read: Json = json.loads(line)
        return read

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class ByClient:
    """By the client that is made from the document: the same, and typed."""

    def __init__(self, stack: Stack, email: str) -> None:
        self.client = Client(stack.url("gateway"))
        body = models.SignUp.model_validate({"email": email, "password": PASSWORD})
        session = self.client.sign_up(body).session
        assert session is not None
        self.client.sign_in(Session.of(session.model_dump()))
        self.user = session.user_id

    def sealing_key(self) -> tuple[str, str]:
        key = self.client.get_sealing_key()
        return key.id, key.public_key

    def link(self, number: str) -> str:
        return str(self.client.link_broker_account(models.NewBrokerAccount(broker="alpaca", number=number)).id)

    def enter(self, account: str, key: str, sealed: str) -> None:
        credential = models.SealedCredential(purpose="trading", key_id=key, sealed=sealed)
        seen = self.client.get_broker_account(UUID(account))
        self.client.change_broker_account(
            seen.id, models.BrokerAccountChange(credential=credential), if_match=seen.version
        )

    def link_state(self, account: str) -> str:
        return self.client.get_broker_account(UUID(account)).link_state

    def create_strategy(self, account: str, kind: str) -> str:
        asked = models.NewStrategy(broker_account_id=UUID(account), kind=kind, name="Mine", config={}, symbols=["SPY"])
        return str(self.client.create_strategy(asked).id)

    def activate(self, strategy: str, since: str) -> str:
        asked = models.Activation.model_validate({"from": since})
        return self.client.activate_strategy(UUID(strategy), asked).status

    def place(self, account: str, quantity: str, price: str | None) -> str:
        order = models.NewOrder(
            broker_account_id=UUID(account),
            symbol="SPY",
            side="buy",
            position_intent="buy_to_open",
            quantity=Decimal(quantity),
        )
        if price is not None:
            order = order.model_copy(update={"order_type": "limit", "price": Decimal(price)})
        return str(self.client.place_order(order).id)

    def replace(self, trade: str, price: str) -> str:
        seen = self.client.get_trade(UUID(trade))
        change = models.OrderChange(price=Decimal(price))
        return str(self.client.replace_order(seen.id, change, if_match=seen.version).id)

    def cancel(self, trade: str) -> None:
        self.client.cancel_order(UUID(trade))

    def status(self, trade: str) -> str:
        return self.client.get_trade(UUID(trade)).status

    def fills(self, trade: str) -> list[tuple[str, Decimal]]:
        return [(fill.symbol, fill.quantity) for fill in self.client.get_trade(UUID(trade)).fills]

    def held(self) -> dict[str, Decimal]:
        return {row.symbol: row.quantity for row in self.client.all_positions()}

    def current_pnl(self) -> int:
        return len(self.client.get_current_pnl().positions)

    def reports(self) -> list[tuple[str, str, int]]:
        rows = list(self.client.all_reports())
        assert [day.report_id for day in self.client.all_daily_pnl()] == [row.id for row in rows]
        return [(str(row.broker_account_id), row.report_date.isoformat(), row.fills) for row in rows]

    def close(self) -> None:
        self.client.close()


KINDS: dict[str, type[BySupabaseJs] | type[BySupabasePy] | type[ByClient]] = {
    "js": BySupabaseJs,
    "py": BySupabasePy,
    "client": ByClient,
}
