"""Bodies as tastytrade sends them, for the tests of what reads them."""

from __future__ import annotations

from typing import Any

CALL, PUT = "SPY   261218C00500000", "SPY   261218P00500000"
LOWER_PUT = "SPY   261218P00495000"
DUE = "2026-01-02T14:30:00.513+00:00"


def fill(name: str, quantity: object = 1, price: str = "270.1", at: str = DUE) -> dict[str, Any]:
    return {
        "fill-id": name,
        "ext-exec-id": "134",
        "quantity": quantity,
        "fill-price": price,
        "filled-at": at,
        "destination-venue": "TEST_A",
    }


def leg(
    symbol: str = "SPY", action: str = "Buy to Open", quantity: object = 2, *fills: dict[str, Any]
) -> dict[str, Any]:
    done = sum(int(one["quantity"]) for one in fills)
    return {
        "instrument-type": "Equity" if symbol == "SPY" else "Equity Option",
        "symbol": symbol,
        "quantity": quantity,
        "remaining-quantity": int(str(quantity)) - done,
        "action": action,
        "fills": list(fills),
    }


def order(*legs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A limit order that works; `more` by wire name, `_` for `-`."""
    return {
        "id": 771043,
        "account-number": "5WT00001",
        "time-in-force": "Day",
        "order-type": "Limit",
        "size": 2,
        "underlying-symbol": "SPY",
        "underlying-instrument-type": "Equity",
        "price": "270.1",
        "price-effect": "Debit",
        "status": "Live",
        "external-identifier": "c1",
        "received-at": DUE,
        "updated-at": 1767364200513,
        "legs": list(legs) or [leg()],
    } | {name.replace("_", "-"): value for name, value in more.items()}


def vertical(
    *, sold: tuple[dict[str, Any], ...] = (), bought: tuple[dict[str, Any], ...] = (), **more: Any
) -> dict[str, Any]:
    """Two put spreads: the upper one sold, the lower one bought."""
    return order(
        leg(PUT, "Sell to Open", 2, *sold), leg(LOWER_PUT, "Buy to Open", 2, *bought), **({"price": "0.55"} | more)
    )


TRADE: dict[str, Any] = {
    "id": 252640963,
    "account-number": "5WT00001",
    "transaction-type": "Trade",
    "transaction-sub-type": "Buy to Open",
    "description": "Bought 2 SPY @ 270.10",
    "executed-at": DUE,
    "transaction-date": "2026-01-02",
    "symbol": "SPY",
    "instrument-type": "Equity",
    "underlying-symbol": "SPY",
    "action": "Buy to Open",
    "quantity": "2.0",
    "price": "270.1",
    "value": "540.2",
    "value-effect": "Debit",
    "net-value": "540.3",
    "net-value-effect": "Debit",
    "regulatory-fees": "0.02",
    "regulatory-fees-effect": "Debit",
    "clearing-fees": "0.08",
    "clearing-fees-effect": "Debit",
    "commission": "0.0",
    "commission-effect": "None",
    "is-estimated-fee": False,
    "order-id": 771043,
}
ASSIGNED: dict[str, Any] = {
    "id": 1,
    "transaction-type": "Receive Deliver",
    "transaction-sub-type": "Assignment",
    "description": "Removal of option due to assignment",
    "executed-at": "2026-12-18T22:00:00.000+00:00",
    "symbol": PUT,
    "instrument-type": "Equity Option",
    "underlying-symbol": "SPY",
    "action": "Buy to Close",
    "quantity": "2.0",
    "value": "0.0",
    "value-effect": "None",
    "net-value": "0.0",
    "net-value-effect": "None",
    "is-estimated-fee": False,
}
DELIVERED: dict[str, Any] = ASSIGNED | {
    "id": 2,
    "description": "Buy to Open 200 SPY @ 500.00",
    "symbol": "SPY",
    "instrument-type": "Equity",
    "action": "Buy to Open",
    "quantity": "200.0",
    "price": "500.0",
    "value": "100000.0",
    "value-effect": "Debit",
    "net-value": "100000.0",
    "net-value-effect": "Debit",
}
EXPIRED: dict[str, Any] = ASSIGNED | {"id": 3, "transaction-sub-type": "Expiration", "action": "Sell to Close"}
DEPOSIT: dict[str, Any] = {
    "id": 4,
    "transaction-type": "Money Movement",
    "transaction-sub-type": "Deposit",
    "description": "Wire Funds Received",
    "executed-at": DUE,
    "value": "1000.0",
    "value-effect": "Credit",
    "net-value": "1000.0",
    "net-value-effect": "Credit",
}
POSITION: dict[str, Any] = {
    "account-number": "5WT00001",
    "symbol": CALL,
    "instrument-type": "Equity Option",
    "underlying-symbol": "SPY",
    "quantity": 3,
    "quantity-direction": "Short",
    "average-open-price": "1.25",
    "mark-price": "1.3",
    "multiplier": 100,
}
BALANCE: dict[str, Any] = {
    "account-number": "5WT00001",
    "cash-balance": "100000.0",
    "net-liquidating-value": "100500.25",
    "equity-buying-power": "200000.0",
    "derivative-buying-power": "100000.0",
    "available-trading-funds": "99000.0",
    "maintenance-requirement": "125.5",
}
STATUS: dict[str, Any] = {
    "account-number": "5WT00001",
    "is-closed": False,
    "is-frozen": False,
    "is-closing-only": False,
    "is-in-margin-call": False,
    "options-level": "No Restrictions",
}
LISTED: dict[str, Any] = {"account-number": "5WT00001", "margin-or-cash": "Margin", "is-closed": False}
DRY_RUN: dict[str, Any] = {
    "order": order(),
    "warnings": [{"code": "closing_with_no_position", "message": "You are closing what you do not have"}],
    "buying-power-effect": {
        "change-in-margin-requirement": "300.0",
        "change-in-margin-requirement-effect": "Debit",
        "change-in-buying-power": "302.302",
        "change-in-buying-power-effect": "Debit",
    },
    "fee-calculation": {"total-fees": "2.302", "total-fees-effect": "Debit"},
}
TICKS: list[dict[str, Any]] = [{"threshold": "3.0", "value": "0.01"}, {"value": "0.05"}]
SHARE: dict[str, Any] = {
    "symbol": "BRK/B",
    "description": "BERKSHIRE HATHAWAY INC CL B",
    "active": True,
    "is-closing-only": False,
    "is-fractional-quantity-eligible": True,
    "lendability": "Easy To Borrow",
    "tick-sizes": [{"threshold": "1.0", "value": "0.0001"}, {"value": "0.01"}],
    "option-tick-sizes": TICKS,
}
CHAIN: dict[str, Any] = {
    "underlying-symbol": "SPY",
    "root-symbol": "SPY",
    "option-chain-type": "Standard",
    "shares-per-contract": 100,
    "expirations": [
        {
            "expiration-type": "Regular",
            "expiration-date": "2026-12-18",
            "strikes": [{"strike-price": "500.0", "call": CALL, "put": PUT}],
        }
    ],
}
SHARE_QUOTE: dict[str, Any] = {
    "symbol": "SPY",
    "instrument-type": "Equity",
    "updated-at": "2026-01-02T14:30:00.001Z",
    "bid": "270.0",
    "bid-size": "3.0",
    "ask": "270.02",
    "ask-size": "5.0",
    "last": "270.01",
}
OPTION_QUOTE: dict[str, Any] = SHARE_QUOTE | {"symbol": CALL, "instrument-type": "Equity Option", "delta": "0.5"}
HOLIDAYS: dict[str, Any] = {
    "market-half-days": ["2026-11-27", "2026-12-24"],
    "market-holidays": ["2026-11-26", "2026-12-25"],
}
CANDLE: dict[str, Any] = {
    "eventSymbol": "SPY{=1m,tho=true}",
    "eventFlags": 0,
    "time": 1767364200000,
    "open": 270.0,
    "high": 270.5,
    "low": "269.5",
    "close": 270.2,
    "volume": 1000.0,
}
QUOTE: dict[str, Any] = {
    "eventSymbol": ".SPY261218C500",
    "bidTime": 1767364200123,
    "askTime": 0,
    "bidPrice": 1.25,
    "askPrice": 1.3,
    "bidSize": 10.0,
    "askSize": 12.0,
}
