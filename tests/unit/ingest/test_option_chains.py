"""Option chains: what is needed is asked for, what is no market is dropped and told, the rest is one row."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from functions.brokers.errors import NotConnected, Rejected
from functions.brokers.markets import OptionContract, OptionQuote
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.errors import BadInput
from functions.core.events import BarCompleted, BarData, ChainData, ChainTaken, dump
from functions.core.instruments import OptionSymbol, TickTable
from functions.core.ledger.chains import ChainLedger, ChainToList, ChainWindow, ListedContract
from functions.core.ledger.errors import LedgerRefused
from functions.ingest import chains, handlers
from functions.ingest.chain_lists import ChainLists, prune_chains
from functions.ingest.chain_quotes import Moment, unusable
from functions.ingest.chains import GRACE, ChainTaker
from functions.ingest.source import Opened
from tests.unit.core.doubles import NOW, Turns, World

D = Decimal
TODAY = date(2026, 1, 2)
NEAR, FAR, LATE, ADJUSTED = "SPY260102C00100000", "SPY260102C00120000", "SPY260130P00100000", "SPY1260102C00100000"
BAR = BarData(
    symbol="SPY", timeframe="5Min", starts_at=NOW - timedelta(minutes=5), ends_at=NOW, feed="iex",
    open=D(100), high=D(102), low=D(99), close=D(101), volume=D(7),
)  # fmt: skip
WINDOW = ChainWindow(underlying="SPY", days_from=0, days_to=7, width=D("0.15"))
MOMENT = Moment(NOW, NOW + timedelta(seconds=2), GRACE, timedelta(minutes=15))


def quote(symbol: str = NEAR, **more: Any) -> OptionQuote:
    told: dict[str, Any] = {"bid": D("1.00"), "ask": D("1.10"), "bid_size": D(5), "ask_size": D(6), "quoted_at": NOW}
    told |= {"delta": D("0.5"), "feed": "test", "delay_seconds": 9}
    return OptionQuote(symbol=symbol, **told | more)


def contract(symbol: str = NEAR, **more: Any) -> OptionContract:
    option = OptionSymbol.parse(symbol)
    terms = {"expiry": option.expiry, "right": option.right, "strike": option.strike, "multiplier": D(100)}
    return OptionContract(**({"symbol": symbol, "underlying": "SPY"} | terms | more))


def listed(*symbols: str) -> list[dict[str, Any]]:
    found = [OptionSymbol.parse(symbol) for symbol in symbols]
    return [{"symbol": str(one), "expiry": one.expiry.isoformat(), "strike": str(one.strike)} for one in found]


def stored(said: dict[str, Any]) -> dict[str, Any]:
    """As the ledger answers a chain that it has stored."""
    chain = said["p_chain"]
    kept = {name: chain[name] for name in ("underlying", "bar_at", "taken_at", "feed", "delay_seconds")}
    return kept | {"contracts": len(chain["quotes"])}


class Source:
    """Answers what it was told to, and keeps what it was asked."""

    feed = "test"

    def __init__(self, *quotes: OptionQuote | Quarantined, chain: Sequence[OptionContract | Quarantined] = ()) -> None:
        self.quotes, self.chain = quotes, chain
        self.asked: list[Any] = []
        self.failure: Exception | None = None

    async def option_quotes(self, symbols: Sequence[str]) -> list[OptionQuote | Quarantined]:
        self.asked.append(list(symbols))
        if self.failure is not None:
            raise self.failure
        return list(self.quotes)

    async def option_chain(
        self, underlying: str, expiry: date | None = None, *, until: date | None = None
    ) -> list[OptionContract | Quarantined]:
        self.asked.append((underlying, until))
        if self.failure is not None:
            raise self.failure
        return list(self.chain)

    async def aclose(self) -> None:
        self.asked.append("closed")


def world(*symbols: str, **answers: Any) -> World:
    return World({"listed_contracts": listed(*symbols), "record_chain": stored} | answers)


def take(made: World, source: Source, *windows: ChainWindow, in_hand: Sequence[str] = ()) -> Any:
    taker = ChainTaker(made.ports, ChainLedger(made.ledger), cast("MarketData", source))
    held = [ListedContract.model_validate(one) for one in listed(*in_hand)]
    return asyncio.run(taker.take(BAR, windows or [WINDOW], held))


def alerts(made: World) -> list[str]:
    return [f"{said['p_code']}: {said['p_text']}" for said in made.asked("raise_alert")]


# --- taking -----------------------------------------------------------------------------------------------------------


def test_take_when_the_contracts_are_listed_then_those_of_the_window_are_quoted_and_recorded_once() -> None:
    made, source = world(NEAR, FAR, LATE), Source(quote(bid=None))
    taken = take(made, source)
    assert source.asked == [[NEAR]]
    (said,) = made.asked("listed_contracts")
    assert (said["p_on"], said["p_from"], said["p_to"]) == ("2026-01-02", "2026-01-02", "2026-01-09")
    assert (D(said["p_low"]), D(said["p_high"])) == (D("85.85"), D("116.15"))
    (chain,) = (said["p_chain"] for said in made.asked("record_chain"))
    assert (chain["underlying"], chain["spot"], chain["feed"], chain["delay_seconds"]) == ("SPY", "101", "test", 9)
    assert (chain["asked"], chain["dropped"]) == (1, {})
    (told,) = chain["quotes"]
    assert (told["symbol"], told["bid"], told["ask"], told["delta"], told["gamma"]) == (NEAR, "0", "1.1", "0.5", None)
    assert taken.contracts == 1
    assert alerts(made) == []


def test_take_when_several_windows_are_needed_then_a_contract_of_any_is_asked_for() -> None:
    made, source = world(NEAR, FAR, LATE), Source(quote(), quote(LATE))
    take(made, source, WINDOW, ChainWindow(underlying="SPY", days_from=20, days_to=30, width=D("0.02")))
    assert source.asked == [[NEAR, LATE]]
    assert made.asked("listed_contracts")[0]["p_to"] == "2026-02-01"


def test_take_when_one_window_is_too_wide_then_the_others_have_all_that_they_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chains, "_MOST_CONTRACTS", 5)
    wide = [f"SPY260102C00{100 + n}000" for n in range(8)]
    narrow = ["SPY260130P00085000", "SPY260130P00084000"]
    made, source = world(*wide, *narrow), Source(quote())
    take(made, source, WINDOW, ChainWindow(underlying="SPY", days_from=20, days_to=30, width=D("0.2")))
    assert set(narrow) < set(source.asked[0])
    assert len(source.asked[0]) == 5


def test_take_when_there_is_no_list_of_the_day_then_it_is_brought_first() -> None:
    made = world(listed_contracts=Turns(None, listed(NEAR)), record_chain_list={"left_out": []})
    source = Source(quote(), chain=[contract()])
    assert take(made, source) is not None
    assert source.asked == [("SPY", date(2026, 1, 9)), [NEAR]]
    names = ["listed_contracts", "record_chain_list", "listed_contracts", "record_chain"]
    assert made.said() == names


def test_take_when_a_quote_is_no_market_then_it_is_dropped_counted_and_told() -> None:
    made = world(NEAR, LATE)
    window = ChainWindow(underlying="SPY", days_from=0, days_to=30, width=D("0.15"))
    source = Source(quote(), quote(LATE, ask=D(0)), Quarantined("a test", "{}"), quote("SPY260102C00999000"))
    taken = take(made, source, window)
    assert taken.contracts == 1
    (chain,) = (said["p_chain"] for said in made.asked("record_chain"))
    assert (chain["asked"], chain["dropped"]) == (2, {"NO_ASK": 1, "UNREADABLE": 1})
    assert [said["p_code"] for said in made.asked("raise_alert")] == ["DATA_QUOTE", "DATA_MALFORMED"]
    (found,) = made.asked("record_findings")
    assert {(one["kind"], one["count"], one["symbol"]) for one in found["p_findings"]} == {
        ("quote", 1, "SPY"),
        ("malformed", 1, "SPY"),
    }


def test_take_when_most_quotes_are_of_a_later_time_then_what_stood_still_is_no_chain() -> None:
    later = quote(quoted_at=NOW + GRACE + timedelta(seconds=1))
    made = world(NEAR, LATE)
    made.clock.at = NOW + timedelta(minutes=3)
    source = Source(later, replace(later, symbol=LATE), quote("SPY260109P00100000"))
    made.ledger.answers["listed_contracts"] = listed(NEAR, LATE, "SPY260109P00100000")
    window = ChainWindow(underlying="SPY", days_from=0, days_to=30, width=D("0.15"))
    assert take(made, source, window) is None
    assert made.asked("record_chain") == []


@pytest.mark.parametrize(
    ("source", "symbols", "reason"),
    [
        (Source(), (NEAR,), "usable quote"),
        (Source(), (FAR,), "days and strikes"),
    ],
)
def test_take_when_nothing_can_be_had_then_told_and_nothing_is_recorded(
    source: Source, symbols: tuple[str, ...], reason: str
) -> None:
    made = world(*symbols)
    assert take(made, source) is None
    (said,) = alerts(made)
    assert said.startswith("NO_OPTION_CHAIN")
    assert reason in said
    assert made.asked("record_chain") == []


def test_take_when_the_source_refuses_then_told_and_when_it_is_down_then_tried_again() -> None:
    made, source = world(NEAR), Source(quote())
    source.failure = Rejected("NOT_ENTITLED", "a test")
    assert take(made, source) is None
    assert "a test" in alerts(made)[0]
    source.failure = NotConnected("DOWN", "a test")
    with pytest.raises(NotConnected):
        take(made, source)


def test_take_when_the_ledger_refuses_it_then_told() -> None:
    made = world(NEAR, record_chain=LedgerRefused("BAD_OPTION_DATA", "a test", 422))
    assert take(made, Source(quote())) is None
    assert "BAD_OPTION_DATA" in alerts(made)[0]


def test_take_when_too_many_are_needed_then_those_nearest_to_the_money_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chains, "_MOST_CONTRACTS", 2)
    source = Source(quote())
    made = world("SPY260102C00095000", NEAR, "SPY260102P00103000")
    assert take(made, source) is not None
    assert source.asked == [[NEAR, "SPY260102P00103000"]]
    assert "3 contracts" in alerts(made)[0]


@pytest.mark.parametrize("most", [2, 2000])
def test_take_when_contracts_are_in_hand_then_each_once_wherever_it_is_and_however_many_are_needed(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(chains, "_MOST_CONTRACTS", most)
    made, source = world("SPY260102C00095000", NEAR, "SPY260102P00103000"), Source(quote(), quote(FAR))
    assert take(made, source, in_hand=[FAR, NEAR, LATE]).contracts == 2
    (asked,) = source.asked
    assert sorted(asked) == sorted({*asked})
    assert {FAR, NEAR, LATE} <= {*asked}
    assert len(asked) == min(most, 3) + 2


def test_take_when_no_contract_is_listed_then_those_in_hand_are_asked_for_all_the_same() -> None:
    made, source = world(listed_contracts=None), Source(quote(FAR))
    assert take(made, source, in_hand=[FAR]).contracts == 1
    assert source.asked[-1] == [FAR]
    made, source = world(), Source(quote(FAR))
    assert take(made, source, in_hand=[FAR]).contracts == 1
    assert alerts(made) == []


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        ({}, None),
        ({"bid": None, "bid_size": None}, None),
        ({"ask": None}, "NO_ASK"),
        ({"ask": D(0)}, "NO_ASK"),
        ({"bid": D(2)}, "CROSSED"),
        ({"bid": D(-1)}, "NEGATIVE"),
        ({"ask_size": D(-1)}, "NEGATIVE"),
        ({"delta": D("1.01")}, "IMPOSSIBLE_GREEKS"),
        ({"implied_volatility": D("-0.1")}, "IMPOSSIBLE_GREEKS"),
        ({"vega": D("NaN")}, "NOT_A_NUMBER"),
        ({"ask": D("Infinity")}, "NOT_A_NUMBER"),
        ({"quoted_at": NOW + timedelta(seconds=7)}, None),
        ({"quoted_at": NOW + timedelta(seconds=8)}, "FUTURE"),
        ({"quoted_at": NOW - timedelta(seconds=909)}, None),
        ({"quoted_at": NOW - timedelta(seconds=910)}, "OLD"),
    ],
    ids=str,
)
def test_unusable_when_a_quote_is_strange_then_it_says_why(strange: dict[str, Any], reason: str | None) -> None:
    assert unusable(quote(**strange), MOMENT) == reason


def test_unusable_when_quoted_after_the_grace_then_later_than_the_bar() -> None:
    late = Moment(NOW, NOW + timedelta(minutes=5), GRACE, timedelta(minutes=15))
    assert unusable(quote(quoted_at=NOW + GRACE), late) is None
    assert unusable(quote(quoted_at=NOW + GRACE + timedelta(seconds=1)), late) == "LATER"


# --- the day's list ---------------------------------------------------------------------------------------------------


def test_list_when_brought_then_in_parts_with_the_sources_terms_and_without_what_is_adjusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("functions.ingest.chain_lists._AT_ONCE", 1)
    made = World({"record_chain_list": Turns({"left_out": []}, {"left_out": [FAR]})})
    ticks = TickTable(((D(0), D("0.05")),))
    told: list[OptionContract | Quarantined] = [
        contract(ticks=ticks, style="american", open_interest=7),
        contract(FAR, tradable=False),
        contract(LATE),
        contract(ADJUSTED),
        Quarantined("a test", "{}"),
    ]
    source = Source(chain=told)
    lists = ChainLists(made.ports, ChainLedger(made.ledger), cast("MarketData", source))
    assert asyncio.run(lists.bring("SPY", date(2026, 1, 9))) == 1
    first, last = made.asked("record_chain_list")
    assert (first["p_until"], last["p_until"]) == (None, "2026-01-09")
    (row,) = first["p_contracts"]
    assert (row["symbol"], row["ticks"]) == (NEAR, [{"from": "0", "tick": "0.05"}])
    assert (row["style"], row["open_interest"], row["tradable"]) == ("american", 7, True)
    assert last["p_contracts"][0]["tradable"] is False
    unreadable, left_out = alerts(made)
    assert "a test" in unreadable
    assert FAR in left_out


def test_list_when_the_source_lists_nothing_then_told_and_not_taken_for_the_days_list() -> None:
    made = World()
    lists = ChainLists(made.ports, ChainLedger(made.ledger), cast("MarketData", Source()))
    assert asyncio.run(lists.bring("SPY", date(2026, 1, 9))) == 0
    assert made.said() == ["raise_alert"]


def test_lists_when_one_is_refused_and_one_is_down_then_the_others_are_brought_and_it_is_tried_again() -> None:
    class Half(Source):
        async def option_chain(
            self, underlying: str, expiry: date | None = None, *, until: date | None = None
        ) -> list[OptionContract | Quarantined]:
            if underlying == "IWM":
                raise NotConnected("DOWN", "a test")
            if underlying == "BAD":
                raise Rejected("NO", "a test")
            return [contract()]

    made = World({"record_chain_list": {"left_out": []}})
    lists = ChainLists(made.ports, ChainLedger(made.ledger), cast("MarketData", Half()))
    due = [ChainToList(underlying=name, until=TODAY) for name in ("BAD", "IWM", "SPY")]
    with pytest.raises(NotConnected):
        asyncio.run(lists.bring_all(due))
    assert [said["p_underlying"] for said in made.asked("record_chain_list")] == ["SPY"]
    assert "BAD" in alerts(made)[0]


def test_prune_when_there_is_more_than_one_round_then_until_it_is_less() -> None:
    made = World({"prune_option_chains": Turns(2000, 3)})
    prune_chains(ChainLedger(made.ledger), made.clock)
    assert [said["p_now"] for said in made.asked("prune_option_chains")] == [NOW.isoformat()] * 2


# --- what wakes it ----------------------------------------------------------------------------------------------------


def message(event: Any) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(json.dumps(dump(event)).encode()).decode()}}


NEEDED = [{"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.15"}]


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> World:
    """The handlers' world: the chain of SPY is needed, its contract is listed and quoted."""
    made = world(NEAR, chains_needed=NEEDED, chains_to_list=[], contracts_in_hand=[])
    source = Source(quote(), chain=[contract()])
    opened = Opened(cast("MarketData", source), cast("Any", None))
    monkeypatch.setattr(handlers, "ports", lambda _: made.ports)
    monkeypatch.setattr(handlers, "data_source", lambda _: opened)
    return made


def test_handler_when_the_chain_is_needed_then_recorded_and_then_told(woken: World) -> None:
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    assert woken.asked("chains_needed") == [{"p_symbol": "SPY", "p_timeframe": "5Min"}]
    assert woken.said("record", "publish") == ["record_chain", "publish market-data-options"]


def test_handler_when_it_is_on_record_then_told_again_and_nobody_is_asked(woken: World) -> None:
    kept = {"underlying": "SPY", "bar_at": NOW.isoformat(), "taken_at": NOW.isoformat(), "feed": "test"}
    woken.ledger.answers["chain_taken"] = kept | {"delay_seconds": 0, "contracts": 3}
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    first, second = woken.asked("publish market-data-options")
    assert first == second
    assert woken.asked("record_chain") == []


def test_handler_when_nobody_needs_it_or_the_bar_is_long_over_then_nobody_is_asked(woken: World) -> None:
    woken.clock.at = NOW + timedelta(minutes=17)
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    assert woken.said() == ["chains_needed", "contracts_in_hand", "chain_taken"]
    woken.ledger.answers["chains_needed"] = []
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    assert woken.said()[3:] == ["chains_needed", "contracts_in_hand"]


@pytest.mark.parametrize(("timeframe", "told"), [("5Min", 1), ("1Min", 0)])
def test_handler_when_a_strategy_on_such_bars_has_a_contract_in_hand_then_a_chain_with_what_all_others_need(
    woken: World, timeframe: str, told: int
) -> None:
    woken.ledger.answers["chains_needed"] = lambda said: NEEDED if said["p_timeframe"] is None else []
    woken.ledger.answers["contracts_in_hand"] = [{**one, "timeframes": [timeframe]} for one in listed(FAR)]
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    assert woken.asked("contracts_in_hand") == [{"p_underlying": "SPY", "p_on": "2026-01-02"}]
    assert [said["p_chain"]["asked"] for said in woken.asked("record_chain")] == [2] * told


def test_handler_when_there_is_no_credential_then_told(woken: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "data_source", lambda _: None)
    woken.ledger.answers["chains_to_list"] = [{"underlying": "IWM", "until": "2026-01-09"}]
    handlers.snapshot_chains(message(BarCompleted.of(BAR)))
    handlers.sync_option_chains({})
    assert [said["p_numbers"]["underlying"] for said in woken.asked("raise_alert")] == ["SPY", "IWM"]


def test_handler_when_lists_are_due_before_the_open_then_they_are_brought(woken: World) -> None:
    handlers.sync_option_chains({})
    assert woken.said() == ["chains_to_list"]
    woken.ledger.answers["chains_to_list"] = [{"underlying": "SPY", "until": "2026-01-09"}]
    woken.ledger.answers["record_chain_list"] = {"left_out": []}
    handlers.sync_option_chains({})
    assert woken.said("record") == ["record_chain_list"]


def test_handler_when_woken_by_another_event_then_refused(woken: World) -> None:
    kept = {"underlying": "SPY", "bar_at": NOW, "taken_at": NOW, "feed": "x", "contracts": 1, "timeframe": "1Min"}
    event = ChainTaken.of(ChainData.model_validate(kept))
    with pytest.raises(BadInput, match="WRONG_EVENT"):
        handlers.snapshot_chains(message(event))
    assert woken.said() == []
