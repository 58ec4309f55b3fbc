"""Verifying an account against both simulators, by the adapters as execute makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import KeyPair, TastytradeLogin
from functions.brokers.protocol import Broker
from functions.brokers.tastytrade import TastytradeBroker
from functions.execute.submitting import Desk
from functions.execute.verifying import verify_accounts
from tests.contract.alpaca_simulator.running import BOB, WITHIN_SECONDS
from tests.contract.brokers.tastytrade_venue import NUMBERS, TastytradeVenue
from tests.contract.brokers.venue import AlpacaVenue
from tests.unit.core.doubles import World
from tests.unit.execute.desk_made import ALICE, HandedAccounts, account_row, desk_of
from tests.unit.execute.test_syncing import world_of
from tests.unit.execute.test_verifying import UNVERIFIED, verdicts

LIVE = {"account_id": "123456789", "key": "AKLIVE", "secret": "live-secret", "cash": "100"}
READER = {"account_number": NUMBERS["alice"], "refresh_token": "looks", "client_secret": "s", "data_only": True}


class MadeAccounts(HandedAccounts):
    """Makes the adapter of the account as it is linked."""

    def __init__(self, world: World, made: Callable[[Any], Broker]) -> None:
        super().__init__(world, {})
        self._made = made

    def broker_of(self, account: Any) -> Any:
        return self._made(account)


async def verdict(made: Callable[[Any], Broker], broker: str, number: str, **more: Any) -> tuple[World, Any]:
    """What is recorded of an account that is linked under this number."""
    world = world_of(
        trading_accounts=[account_row(ALICE, broker) | UNVERIFIED | {"account_id": number} | more],
        record_account_verification={"recorded": True, "state": "verified"},
    )
    await verify_accounts(Desk(world.ports, desk_of(world, {}).ledger, MadeAccounts(world, made)))
    (found,) = verdicts(world)
    return world, found


def alpaca_by(venue: AlpacaVenue, key: str, secret: str, *, is_paper: bool = True) -> Callable[[Any], Broker]:
    keys = KeyPair(key=SecretStr(key), secret=SecretStr(secret))
    return lambda _: AlpacaBroker(keys, venue.settings(), is_paper=is_paper)


def tastytrade_by(venue: TastytradeVenue, grant: str, secret: str) -> Callable[[Any], Broker]:
    login = TastytradeLogin(client_secret=SecretStr(secret), refresh_token=SecretStr(grant))
    return lambda account: TastytradeBroker(
        login, venue.settings(), account_number=account.account_id, is_paper=account.is_paper
    )


def restrict(venue: AlpacaVenue, change: dict[str, bool]) -> None:
    """Changes what bob's account may do."""
    answer = requests.patch(f"{venue.simulator.url}/control/accounts/{BOB}", json=change, timeout=WITHIN_SECONDS)
    assert answer.ok, answer.text


async def numbered(broker: Broker) -> str:
    try:
        return (await broker.rules()).account_number
    finally:
        await broker.aclose()


async def test_account_when_alpaca_knows_it_then_it_is_verified_and_its_money_is_on_record(alpaca: AlpacaVenue) -> None:
    number = await numbered(alpaca.broker())
    world, found = await verdict(lambda _: alpaca.broker(), "alpaca", number)
    assert found == ("verified", None, None)
    (money,) = world.asked("record_account_snapshot")
    assert (money["p_cash"], money["p_equity"]) == ("100000", "100000")
    assert world.asked("record_account_rules")[0]["p_rules"]["account_number"] == number


async def test_account_when_tastytrade_knows_it_then_it_is_verified_and_its_money_is_on_record(
    tastytrade: TastytradeVenue,
) -> None:
    world, found = await verdict(lambda _: tastytrade.broker(), "tastytrade", NUMBERS["alice"])
    assert found == ("verified", None, None)
    assert world.asked("record_account_snapshot")[0]["p_settled_cash"] is not None


async def test_account_when_the_key_is_wrong_then_it_is_refused(
    alpaca: AlpacaVenue, tastytrade: TastytradeVenue
) -> None:
    for made, broker in ((alpaca.stranger, "alpaca"), (tastytrade.stranger, "tastytrade")):
        _, found = await verdict(lambda _, made=made: made(), broker, "5WC00001")  # type: ignore[misc]
        assert found[0] == "refused"
        assert found[1] == "BAD_KEYS"
        assert "paper" in found[2]


async def test_account_when_the_number_is_another_then_it_is_refused_with_the_one_that_the_keys_have(
    alpaca: AlpacaVenue, tastytrade: TastytradeVenue
) -> None:
    number = await numbered(alpaca.broker())
    _, found = await verdict(lambda _: alpaca.broker(), "alpaca", "PA0000000000")
    assert found[:2] == ("refused", "WRONG_ACCOUNT")
    assert number in found[2]
    made = tastytrade_by(tastytrade, "alice", "alice-secret")
    world, found = await verdict(made, "tastytrade", NUMBERS["bob"])
    assert found[:2] == ("refused", "WRONG_ACCOUNT")
    assert world.asked("record_account_snapshot") == []


async def test_account_when_it_is_linked_by_alpacas_inner_id_then_the_number_is_said(alpaca: AlpacaVenue) -> None:
    number = await numbered(alpaca.broker())
    _, found = await verdict(lambda _: alpaca.broker(), "alpaca", "11111111-1111-4111-8111-111111111111")
    assert found[:2] == ("refused", "WRONG_ACCOUNT")
    assert f"link it by its number, {number}" in found[2]


async def test_account_when_a_paper_key_is_entered_for_a_live_account_then_it_is_refused(alpaca: AlpacaVenue) -> None:
    """The seal knows a key by its prefix; this one has none, and the address is nobody's."""
    made = alpaca_by(alpaca, "alice", "alice-secret", is_paper=False)
    for linked in (await numbered(alpaca.broker()), "123456789"):
        world, found = await verdict(made, "alpaca", linked, is_paper=False)
        assert found[:2] == ("refused", "WRONG_ENVIRONMENT")
        assert world.said("record_") == ["record_account_verification"]


async def test_account_when_a_live_account_is_linked_as_paper_then_it_is_refused(alpaca: AlpacaVenue) -> None:
    alpaca.simulator.post("/control/accounts", LIVE)
    for is_paper, expected in ((True, "WRONG_ENVIRONMENT"), (False, None)):
        made = alpaca_by(alpaca, LIVE["key"], LIVE["secret"], is_paper=is_paper)
        _, found = await verdict(made, "alpaca", LIVE["account_id"], is_paper=is_paper)
        assert found[1] == expected


async def test_account_when_the_grant_only_reads_then_it_is_refused_for_trading(tastytrade: TastytradeVenue) -> None:
    tastytrade.simulator.post("/control/accounts", READER)
    _, found = await verdict(tastytrade_by(tastytrade, "looks", "s"), "tastytrade", NUMBERS["alice"])
    assert found[:2] == ("refused", "READS_ONLY")


async def test_account_when_the_broker_is_down_and_then_up_then_it_is_verified_by_the_next_look(
    alpaca: AlpacaVenue, tastytrade: TastytradeVenue
) -> None:
    number = await numbered(alpaca.broker())
    for venue, linked in ((alpaca, number), (tastytrade, NUMBERS["alice"])):
        _, down = await verdict(lambda _, venue=venue: venue.unreachable(), venue.name, linked)  # type: ignore[misc]
        assert down[0] == "unverified"
        assert "tried again" in down[2]
        _, up = await verdict(lambda _, venue=venue: venue.broker(), venue.name, linked)  # type: ignore[misc]
        assert up[0] == "verified"


@pytest.mark.parametrize(("change", "code"), [("closing_only", "CLOSING_ONLY"), ("blocked", "ACCOUNT_BLOCKED")])
async def test_account_when_the_broker_restricts_it_then_it_is_verified_with_that_said(
    change: str, code: str, alpaca: AlpacaVenue
) -> None:
    number = await numbered(alpaca.broker("bob"))
    restrict(alpaca, {change: True})
    try:
        _, found = await verdict(lambda _: alpaca.broker("bob"), "alpaca", number)
        assert found[:2] == ("verified", code)
    finally:
        restrict(alpaca, {change: False})
