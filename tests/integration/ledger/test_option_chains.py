"""Option chains: which are needed, what a day's list has, and one snapshot for each bar."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.chains import (
    ChainContract,
    ChainLedger,
    ChainQuote,
    ChainToList,
    ChainWindow,
    StoredChain,
    TakenChain,
)
from functions.core.ledger.market_data import TickStep
from tests.integration.ledger.desk import NOON, Desk, decision, found_valid, new_strategy, order_of
from tests.integration.ledger.ledger import Direct, Ledger, refused

D = Decimal
TODAY = date(2018, 2, 5)
UNTIL = TODAY + timedelta(days=7)
CALL, PUT, LATER = "SPY180207C00270000", "SPY180207P00265000", "SPY180209P00260000"
WINDOW = {"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.15"}
BAR = datetime(2018, 2, 5, 17, tzinfo=UTC)


@dataclass
class Chains:
    """A fresh ledger as ingest sees it, and what strategies need of it."""

    ledger: Ledger
    calls: ChainLedger
    desk: Desk

    def needing(self, *chains: dict[str, Any], timeframe: str = "1Min", active: bool = True) -> UUID:
        """A strategy that was found valid with these inputs."""
        strategy = new_strategy(self.ledger, self.desk.user, self.desk.account, ("SPY",))
        if not active:
            self.ledger.call("deactivate_strategy", "authenticated", self.desk.user, p_strategy_id=strategy)
        found_valid(self.ledger, strategy, timeframe=timeframe, chains=list(chains))
        return strategy

    def store(self, *contracts: ChainContract, at: datetime = BAR, until: date | None = UNTIL) -> list[str]:
        return self.calls.record_chain_list("SPY", contracts, "test", at, until)

    def listed(self, on: date = TODAY, to: date = UNTIL) -> list[str] | None:
        found = self.calls.listed_contracts("SPY", on, expiries=(on, to), strikes=(D(200), D(300)))
        return None if found is None else [one.symbol for one in found]

    def snapshots(self) -> int:
        count: int = self.ledger.one("select count(*) from public.option_chain_snapshots")
        return count


@pytest.fixture
def chains(fresh_ledger: Ledger) -> Chains:
    return Chains(fresh_ledger, ChainLedger(Direct(fresh_ledger, "fn_ingest")), Desk.open(fresh_ledger))


def contract(symbol: str, **more: Any) -> ChainContract:
    return ChainContract(**({"symbol": symbol, "multiplier": "100", "tradable": True} | more))


def quoted(symbol: str, at: datetime = BAR, **more: Any) -> ChainQuote:
    sides = {"bid": "1.20", "ask": "1.25", "bid_size": "3", "ask_size": "7", "quoted_at": at, "feed": "opra"}
    return ChainQuote(**({"symbol": symbol} | sides | more))


def chain(*quotes: ChainQuote, at: datetime = BAR, **more: Any) -> TakenChain:
    told = {"underlying": "SPY", "bar_at": at, "taken_at": at + timedelta(seconds=1), "feed": "opra"}
    numbers = {"delay_seconds": 0, "spot": "268.50", "asked": 4, "dropped": {"NO_ASK": 2}}
    return TakenChain(**(told | numbers | {"quotes": quotes} | more))


# --- which are needed -------------------------------------------------------------------------------------------------


def test_chains_needed_when_strategies_are_active_then_their_windows_once_each(chains: Chains) -> None:
    wider = WINDOW | {"days_to": 45, "width": "0.30"}
    chains.needing(WINDOW)
    chains.needing(WINDOW, timeframe="5Min")
    chains.needing(wider, timeframe="5Min")
    chains.needing(WINDOW | {"days_to": 90}, active=False)
    chains.needing()
    windows = [ChainWindow.model_validate(each) for each in (WINDOW, wider)]
    assert chains.calls.chains_needed("SPY", "5Min") == windows
    # A bar of one minute may end with one of five: both make one snapshot.
    assert chains.calls.chains_needed("SPY", "1Min") == windows
    assert chains.calls.chains_needed("SPY", "1Hour") == []
    assert chains.calls.chains_needed("IWM", "1Min") == []
    assert chains.calls.chains_needed() == windows


def ordered(desk: Desk, symbol: str, minutes: int) -> UUID:
    """The strategy decides on SPY, and what it orders is an option on it."""
    wanted = order_of("buy", "1", symbol=symbol)
    (trade,) = desk.decide(decision(desk.strategy, wanted, at=NOON + timedelta(minutes=minutes)))
    return UUID(trade)


def test_contracts_in_hand_when_held_or_ordered_by_active_strategies_then_with_the_bars_those_decide_on(
    chains: Chains,
) -> None:
    desk, calls = chains.desk, chains.calls
    chains.store(*(contract(symbol) for symbol in (CALL, PUT, LATER)))
    held = ordered(desk, CALL, 1)
    assert desk.approve(held, mark="1") == "approved"
    assert desk.claim(held)["claimed"]
    desk.fill(desk.submit(held), "1", "1", symbol=CALL)
    assert [one.symbol for one in calls.contracts_in_hand("SPY", TODAY)] == [CALL]
    rejected = ordered(desk, LATER, 2)
    desk.place_by_hand("somebody's own", symbol=PUT, quantity="1", order_type="limit", price="1")
    found = calls.contracts_in_hand("SPY", TODAY)
    assert [(one.symbol, one.strike, one.timeframes) for one in found] == [
        (CALL, D(270), ("1Min",)),
        (LATER, D(260), ("1Min",)),
    ]
    assert calls.contracts_in_hand("IWM", TODAY) == []
    # On the day of its expiry a contract is still traded.
    assert [one.symbol for one in calls.contracts_in_hand("SPY", date(2018, 2, 7))] == [CALL, LATER]
    assert [one.symbol for one in calls.contracts_in_hand("SPY", date(2018, 2, 8))] == [LATER]
    desk.ledger.tamper("update public.trades set status = 'rejected' where id = %s", rejected)
    assert [one.symbol for one in calls.contracts_in_hand("SPY", TODAY)] == [CALL]
    chains.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    assert calls.contracts_in_hand("SPY", TODAY) == []


def test_chains_to_list_when_a_session_is_ahead_then_until_the_furthest_expiry_and_once_a_day(chains: Chains) -> None:
    chains.needing(WINDOW)
    chains.needing(WINDOW | {"days_to": 5})
    chains.ledger.run("delete from public.market_calendar")
    chains.ledger.run(
        "insert into public.market_calendar (session_date, opens_at, closes_at, source) "
        "values ('2018-02-05', '2018-02-05 14:30Z', '2018-02-05 18:00Z', 'test')"
    )
    early = datetime(2018, 2, 5, 13, tzinfo=UTC)
    assert chains.calls.chains_to_list(early) == [ChainToList(underlying="SPY", until=UNTIL)]
    assert chains.calls.chains_to_list(early - timedelta(days=1)) == []
    assert chains.calls.chains_to_list(datetime(2018, 2, 5, 18, tzinfo=UTC)) == []
    chains.store(contract(CALL), at=early, until=UNTIL - timedelta(days=1))
    assert chains.calls.chains_to_list(early) == [ChainToList(underlying="SPY", until=UNTIL)]
    chains.store(contract(CALL), at=early)
    assert chains.calls.chains_to_list(early) == []


# --- the day's list ---------------------------------------------------------------------------------------------------


def test_list_when_recorded_then_instruments_have_the_sources_terms_and_contracts_their_open_interest(
    chains: Chains,
) -> None:
    ticks = (TickStep(start=D(0), tick=D("0.01")), TickStep(start=D(3), tick=D("0.05")))
    daily = {"open_interest": 41, "open_interest_on": TODAY, "close_price": "1.10", "close_on": TODAY}
    told = contract(CALL, ticks=ticks, style="american", **daily)
    assert chains.store(told, until=None) == []
    assert chains.listed() is None
    assert chains.store(contract(PUT, tradable=False), contract(LATER)) == []
    assert chains.listed() == [CALL, LATER]
    assert chains.listed(to=UNTIL + timedelta(days=1)) is None
    assert chains.listed(on=TODAY + timedelta(days=1)) is None
    (row,) = chains.ledger.rows(
        "select i.kind, i.multiplier, i.ticks, i.style, i.settlement, i.expires_on, i.strike, i.underlying, "
        "c.open_interest, c.open_interest_on, c.close_price, c.feed "
        "from public.instruments as i join public.option_contracts as c using (symbol) where i.symbol = %s",
        CALL,
    )
    steps = [{"from": "0", "tick": "0.01"}, {"from": "3", "tick": "0.05"}]
    terms = ("option", 100, steps, "american", "physical", date(2018, 2, 7), 270, "SPY")
    assert row == (*terms, 41, TODAY, D("1.10"), "test")


def test_list_when_a_later_one_has_a_contract_no_more_then_it_is_not_asked_for(chains: Chains) -> None:
    chains.store(contract(CALL), contract(PUT))
    chains.store(contract(PUT), at=BAR + timedelta(minutes=1))
    assert chains.listed() == [PUT]
    # An older list that comes late changes nothing.
    chains.store(contract(CALL), at=BAR - timedelta(minutes=1), until=UNTIL + timedelta(days=30))
    assert chains.listed() == [PUT]
    assert chains.listed(to=UNTIL + timedelta(days=1)) is None


def test_list_when_what_was_traded_has_other_terms_then_it_alone_is_left_out(chains: Chains) -> None:
    chains.store(contract(CALL), contract(PUT))
    chains.desk.place_by_hand("an order", "buy", "1", symbol=CALL)
    later = BAR + timedelta(minutes=1)
    assert chains.store(contract(CALL, multiplier="10"), contract(PUT, multiplier="10"), at=later) == [CALL]
    assert chains.listed() == [PUT]
    assert chains.ledger.one("select multiplier from public.instruments where symbol = %s", CALL) == 100


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"symbol": CALL, "multiplier": "0"}, "BAD_INSTRUMENT"),
        ({"symbol": CALL, "multiplier": "NaN"}, "BAD_INSTRUMENT"),
        ({"symbol": CALL, "multiplier": "many"}, "BAD_INSTRUMENT"),
        ({"symbol": CALL, "multiplier": "100", "open_interest": -1}, "BAD_OPTION_DATA"),
        ({"multiplier": "100"}, "BAD_INSTRUMENT"),
    ],
    ids=str,
)
def test_list_when_a_row_makes_no_sense_then_nothing_is_stored(
    chains: Chains, wrong: dict[str, Any], code: str
) -> None:
    with refused(code, 422):
        chains.ledger.call(
            "record_chain_list",
            "fn_ingest",
            p_underlying="SPY",
            p_contracts=[{"symbol": PUT, "multiplier": "100"}, wrong],
            p_feed="test",
            p_began_at=BAR.isoformat(),
            p_until=UNTIL.isoformat(),
        )
    assert chains.ledger.one("select count(*) from public.option_contracts") == 0
    assert chains.listed() is None


# --- the snapshot -----------------------------------------------------------------------------------------------------


def test_chain_when_recorded_then_it_is_read_whole_with_the_instruments_terms(chains: Chains) -> None:
    chains.store(contract(CALL, open_interest=41), contract(PUT))
    greeks: dict[str, Any] = {
        "implied_volatility": "0.2",
        "delta": "-0.16",
        "gamma": "0.01",
        "theta": "-0.05",
        "vega": "0.1",
    }
    stored = chains.calls.record_chain(chain(quoted(PUT, open_interest=7, **greeks), quoted(CALL, bid="0")))
    assert (stored.contracts, stored.feed, stored.bar_at) == (2, "opra", BAR)
    assert chains.calls.chain_taken("SPY", BAR) == stored
    assert chains.calls.chain_taken("SPY", BAR + timedelta(minutes=1)) is None

    found = chains.ledger.call("chain_at", "fn_strategy", p_underlying="SPY", p_bar_at=BAR.isoformat())
    put, call = found.pop("quotes")
    assert (found["underlying"], found["spot"], found["feed"], found["delay_seconds"]) == ("SPY", "268.5", "opra", 0)
    assert datetime.fromisoformat(found["bar_at"]) == BAR
    assert datetime.fromisoformat(put.pop("quoted_at")) == BAR
    terms = {"symbol": PUT, "expiry": "2018-02-07", "right": "put", "strike": "265", "multiplier": "100"}
    sides = {"bid": "1.2", "ask": "1.25", "bid_size": "3", "ask_size": "7"}
    assert put == terms | sides | greeks | {"open_interest": 7}
    # The list said its open interest, nobody said its greeks.
    assert (call["open_interest"], call["delta"], call["bid"], call["right"]) == (41, None, "0", "call")
    assert chains.ledger.call("chain_at", "fn_strategy", p_underlying="IWM", p_bar_at=BAR.isoformat()) is None
    assert chains.ledger.rows(
        "select c.symbol, c.open_interest, c.open_interest_on, q.delta, q.feed from public.option_contracts as c "
        "join public.option_quotes_latest as q using (symbol) order by symbol"
    ) == [(CALL, 41, None, None, "opra"), (PUT, 7, TODAY, D("-0.16"), "opra")]
    assert chains.ledger.rows("select asked, dropped from public.option_chain_snapshots") == [(4, {"NO_ASK": 2})]


def test_chain_when_told_twice_then_the_first_word_on_the_bar_stays(chains: Chains) -> None:
    chains.store(contract(CALL), contract(PUT))
    first = chains.calls.record_chain(chain(quoted(CALL)))
    again = chains.calls.record_chain(chain(quoted(CALL, ask="9"), quoted(PUT), taken_at=BAR + timedelta(seconds=9)))
    assert again == first
    assert chains.snapshots() == 1
    found = chains.ledger.call("chain_at", "fn_strategy", p_underlying="SPY", p_bar_at=BAR.isoformat())
    assert [(one["symbol"], one["ask"]) for one in found["quotes"]] == [(CALL, "1.25")]


def test_chain_when_two_record_it_at_once_then_one_is_stored_and_both_are_told_it(chains: Chains) -> None:
    chains.store(contract(CALL), contract(PUT))

    def recording(*quotes: ChainQuote) -> Any:
        said = chain(*quotes).model_dump(mode="json")
        return lambda connection: connection.execute(
            "select public.record_chain(%s::jsonb)", [json.dumps(said)]
        ).fetchone()[0]

    one, other = (quoted(CALL, open_interest=1), quoted(PUT, open_interest=2)), (quoted(PUT, open_interest=3),)
    told = chains.ledger.at_once(recording(*one), recording(*other))
    assert told[0] == told[1]
    assert StoredChain.model_validate(told[0]) == chains.calls.chain_taken("SPY", BAR)
    assert chains.snapshots() == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"quotes": []}, "BAD_OPTION_DATA"),
        ({"underlying": "NOBODY"}, "UNKNOWN_SYMBOL"),
        ({"underlying": "IWM"}, "BAD_OPTION_DATA"),
        ({"spot": "0"}, "BAD_OPTION_DATA"),
        ({"spot": "NaN"}, "BAD_OPTION_DATA"),
        ({"feed": ""}, "BAD_OPTION_DATA"),
        ({"bar_at": "infinity"}, "BAD_OPTION_DATA"),
        ({"delay_seconds": -1}, "BAD_OPTION_DATA"),
        ({"asked": None}, "BAD_OPTION_DATA"),
    ],
    ids=str,
)
def test_chain_when_it_makes_no_sense_then_nothing_is_stored(chains: Chains, wrong: dict[str, Any], code: str) -> None:
    chains.store(contract(CALL))
    with refused(code, 422):
        chains.ledger.call("record_chain", "fn_ingest", p_chain=chain(quoted(CALL)).model_dump(mode="json") | wrong)
    assert chains.snapshots() == 0
    assert chains.ledger.one("select count(*) from public.option_quotes_latest") == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"symbol": "SPY180207C00999000"}, "UNKNOWN_SYMBOL"),
        ({"bid": "2"}, "BAD_OPTION_DATA"),
        ({"ask": "0"}, "BAD_OPTION_DATA"),
        ({"delta": "2"}, "BAD_OPTION_DATA"),
        ({"open_interest": -1}, "BAD_OPTION_DATA"),
    ],
    ids=str,
)
def test_chain_when_one_of_its_quotes_is_no_market_then_nothing_is_stored(
    chains: Chains, wrong: dict[str, Any], code: str
) -> None:
    chains.store(contract(CALL), contract(PUT))
    bad = quoted(PUT).model_dump(mode="json") | wrong
    told = chain(quoted(CALL)).model_dump(mode="json")
    with refused(code, 422):
        chains.ledger.call("record_chain", "fn_ingest", p_chain=told | {"quotes": [*told["quotes"], bad]})
    assert chains.snapshots() == 0


def test_chains_when_kept_long_enough_then_removed_by_event_time(chains: Chains) -> None:
    chains.store(contract(CALL))
    for days in (0, 1, 31):
        chains.calls.record_chain(chain(quoted(CALL), at=BAR + timedelta(days=days)))
    chains.ledger.run("update private.settings set value = '2 days' where name = 'option_chains_kept'")
    assert chains.calls.prune_option_chains(BAR + timedelta(days=33), limit=1) == 1
    assert chains.calls.prune_option_chains(BAR + timedelta(days=33)) == 1
    assert chains.calls.prune_option_chains(BAR + timedelta(days=33)) == 0
    assert chains.ledger.rows("select bar_at from public.option_chain_snapshots") == [(BAR + timedelta(days=31),)]
