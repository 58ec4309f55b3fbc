"""What `ingest` asks of the ledger about option chains: which are needed, what is listed, and what was taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from functions.core.events import ChainData
from functions.core.ledger.market_data import OptionQuote, TickStep, Told
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount


class ChainWindow(Row):
    """Which contracts a strategy needs: expiring in so many calendar days, strikes within `width` of the price.

    Days are exchange dates counted from the bar's own; `width` is a fraction of the underlying's price.
    """

    underlying: str
    days_from: int
    days_to: int
    width: Amount


class ChainToList(Row):
    """An underlying whose contracts, expiring up to `until` (an exchange date), are not listed yet today."""

    underlying: str
    until: date


class ListedContract(Row):
    """A contract of the day's list. The strike is in dollars; open interest None where the source does not say."""

    symbol: str
    expiry: date
    strike: Amount
    open_interest: int | None = None


class ContractInHand(ListedContract):
    """A contract that positions or orders of active strategies are in, with the timeframes those decide on."""

    timeframes: tuple[str, ...]


class ChainContract(Told):
    """A contract as a source lists it. None means that the source does not say, and what was known stays."""

    symbol: str
    multiplier: Amount
    ticks: tuple[TickStep, ...] | None = None
    style: Literal["american", "european"] | None = None
    tradable: bool
    open_interest: int | None = None
    open_interest_on: date | None = None
    close_price: Amount | None = None
    close_on: date | None = None


class ChainQuote(OptionQuote):
    """A contract's market in a chain; `open_interest` where the feed says it with the quote."""

    open_interest: int | None = None


class TakenChain(Told):
    """The chain as of the end of a bar. `asked` counts contracts, `dropped` by reason the quotes that were no use."""

    underlying: str
    bar_at: AwareDatetime
    taken_at: AwareDatetime
    feed: str
    delay_seconds: int = Field(0, ge=0)
    spot: Amount
    asked: int
    dropped: dict[str, int]
    quotes: tuple[ChainQuote, ...]


class StoredChain(Row):
    """A chain that is on record, without its quotes."""

    underlying: str
    bar_at: AwareDatetime
    taken_at: AwareDatetime
    feed: str
    delay_seconds: int
    contracts: int

    def event_data(self, timeframe: str) -> ChainData:
        """What its event says to those who decide on bars of this timeframe."""
        return ChainData(**self.model_dump(), timeframe=timeframe)


PRUNED_AT_ONCE = 2000
_WINDOWS = TypeAdapter(list[ChainWindow])
_TO_LIST = TypeAdapter(list[ChainToList])
_CONTRACTS: TypeAdapter[list[ListedContract] | None] = TypeAdapter(list[ListedContract] | None)
_IN_HAND = TypeAdapter(list[ContractInHand])
_STORED: TypeAdapter[StoredChain | None] = TypeAdapter(StoredChain | None)


class ChainLedger(LedgerPart):
    """Option chains: lists of the day, and snapshots by bar."""

    def chains_needed(self, symbol: str | None = None, timeframe: str | None = None) -> list[ChainWindow]:
        """The windows of this underlying that active strategies need, where one of them decides on such bars."""
        return _WINDOWS.validate_python(self._call("chains_needed", {"p_symbol": symbol, "p_timeframe": timeframe}))

    def chains_to_list(self, now: datetime) -> list[ChainToList]:
        """The underlyings whose contracts are needed and not listed yet today; none on a day without a session."""
        return _TO_LIST.validate_python(self._call("chains_to_list", {"p_now": now.isoformat()}))

    def record_chain_list(
        self, underlying: str, contracts: Sequence[ChainContract], feed: str, began_at: datetime, until: date | None
    ) -> list[str]:
        """Stores a part of a list; the last part says until which expiry it is whole. Returns what was left out.

        Those are contracts whose terms contradict what was traded. Raises LedgerRefused BAD_INSTRUMENT,
        BAD_OPTION_DATA; nothing of the part is stored then.
        """
        arguments = {
            "p_underlying": underlying,
            "p_contracts": [contract.model_dump(mode="json", by_alias=True) for contract in contracts],
            "p_feed": feed,
            "p_began_at": began_at.isoformat(),
            "p_until": None if until is None else until.isoformat(),
        }
        left_out: list[str] = self._call("record_chain_list", arguments)["left_out"]
        return left_out

    def listed_contracts(
        self, underlying: str, on: date, *, expiries: tuple[date, date], strikes: tuple[Amount, Amount]
    ) -> list[ListedContract] | None:
        """What the day's list has within these bounds; None where the list is missing or does not reach so far."""
        arguments = {
            "p_underlying": underlying,
            "p_on": on.isoformat(),
            "p_from": expiries[0].isoformat(),
            "p_to": expiries[1].isoformat(),
            "p_low": str(strikes[0]),
            "p_high": str(strikes[1]),
        }
        return _CONTRACTS.validate_python(self._call("listed_contracts", arguments))

    def contracts_in_hand(self, underlying: str, on: date) -> list[ContractInHand]:
        """What positions and orders of active strategies are in, where it has not expired before that exchange date."""
        arguments = {"p_underlying": underlying, "p_on": on.isoformat()}
        return _IN_HAND.validate_python(self._call("contracts_in_hand", arguments))

    def chain_taken(self, underlying: str, bar_at: datetime) -> StoredChain | None:
        """What is on record of the chain at the end of this bar."""
        found = self._call("chain_taken", {"p_underlying": underlying, "p_bar_at": bar_at.isoformat()})
        return _STORED.validate_python(found)

    def record_chain(self, chain: TakenChain) -> StoredChain:
        """Stores a chain and the latest quotes of its contracts; the first word on a bar stays. Returns what is stored.

        Raises LedgerRefused UNKNOWN_SYMBOL, BAD_OPTION_DATA; nothing of it is stored then.
        """
        return StoredChain.model_validate(self._call("record_chain", {"p_chain": chain.model_dump(mode="json")}))

    def prune_option_chains(self, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        """Removes at most so many chains that were kept long enough; returns how many."""
        removed: int = self._call("prune_option_chains", {"p_now": now.isoformat(), "p_limit": limit})
        return removed
