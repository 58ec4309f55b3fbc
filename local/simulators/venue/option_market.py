"""The option market of a venue: which contracts are listed, and what they are worth while the underlying moves.

Everything follows from the tape: strikes lie around the last close before it begins, an expiry is listed so many days
ahead, and quotes come from Black and Scholes over the underlying's quote. Volatility falls with the strike, as it does
for shares. Open interest is made up: largest at the money and at round strikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import log

from functions.backtest.market import Quote
from functions.backtest.option_quoting import quoted
from functions.core.errors import BadInput
from functions.core.instruments import OPTION_TICKS, OptionRight, OptionSymbol, TickTable
from functions.core.market_calendar import exchange_date
from functions.core.options import black_scholes
from functions.core.options.time_left import years_between
from functions.core.options.valuation import Valuation
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.prices import Prices
from local.tape.model import Session
from local.tape.sessions import MarketCalendar

RATE = 0.02
MULTIPLIER = Decimal(100)
PENNY_NAMES = frozenset({"SPY", "IWM", "QQQ"})
COARSE_TICKS = TickTable(((Decimal(0), Decimal("0.01")), (Decimal(3), Decimal("0.05"))))
_BASE_VOLATILITY, _SKEW = 0.20, 0.25
_LEAST_VOLATILITY, _MOST_VOLATILITY = 0.08, 0.90
_DAILY_UNTIL, _WEEKLY_UNTIL, _MONTHLY_UNTIL = timedelta(days=14), timedelta(days=60), timedelta(days=200)
_FRIDAY = 4
_NEAR, _FAR = Decimal("0.15"), Decimal("0.40")
_FAR_STEP = 5
_FINE, _HALF, _FINE_UNTIL = Decimal("0.06"), Decimal("0.5"), timedelta(days=2)
_LEAST_SIZE, _SIZES = 10, 41
_OPEN_AT_MOST, _ROUND_STRIKE = 20_000, 5


@dataclass(frozen=True, slots=True)
class OptionView:
    """A contract now. Prices per share, sizes in contracts, `volatility` a fraction, `at` UTC."""

    option: OptionSymbol
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    volatility: float
    model: Valuation
    at: datetime

    @property
    def mark(self) -> Decimal:
        """Midway between bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def quote(self) -> Quote:
        """As the exchange takes it."""
        return Quote(str(self.option), self.bid, self.ask, self.bid_size, self.ask_size, self.at)


class OptionMarket:
    """Options on every symbol of the tape. Symbols are canonical OCC ones."""

    def __init__(
        self, prices: Prices, clock: TapeClock, calendar: Callable[[], MarketCalendar], sessions: Sequence[Session]
    ) -> None:
        self._prices = prices
        self._clock = clock
        self._calendar = calendar
        self._first = sessions[0].day
        self._listed_from = _expiries(calendar(), sessions[0].day, sessions[-1].day)
        self._listed: dict[str, OptionSymbol] = {}
        self._views: dict[str, tuple[tuple[Decimal, datetime], OptionView]] = {}
        self._middles = {symbol: _middle(prices, symbol) for symbol in prices.symbols}
        self._strikes = {symbol: _strikes(middle) for symbol, middle in self._middles.items()}

    def expiries(self) -> list[date]:
        """Every listed expiry that is not over, in order."""
        now = self._clock.now()
        return [day for day in self._listed_from if self._is_listed(day) and self.expires_at(day) > now]

    def expires_at(self, expiry: date) -> datetime:
        """When an expiry's session closes, UTC. Raises BadInput UNKNOWN_CONTRACT where none is listed."""
        if expiry not in self._listed_from:
            raise BadInput("UNKNOWN_CONTRACT", f"no option expires on {expiry}")
        (session,) = self._calendar().between(expiry, expiry)
        return session.closes_at

    def chain(self, underlying: str) -> list[OptionSymbol]:
        """Every contract of an underlying that has not expired, by expiry, strike and right."""
        return [
            OptionSymbol(underlying, expiry, right, strike)
            for expiry in self.expiries()
            for strike in sorted(self._strikes_of(underlying, expiry))
            for right in _rights()
        ]

    def listed(self, symbol: str) -> OptionSymbol | None:
        """The contract, expired or not; None where it was never listed."""
        if symbol in self._listed:
            return self._listed[symbol]
        try:
            option = OptionSymbol.parse(symbol)
        except BadInput:
            return None
        known = self._is_listed(option.expiry) and option.strike in self._strikes_of(option.root, option.expiry)
        if not known or str(option) != symbol:
            return None
        self._listed[symbol] = option
        return option

    def is_active(self, option: OptionSymbol) -> bool:
        return self.expires_at(option.expiry) > self._clock.now()

    def open_interest(self, option: OptionSymbol) -> int:
        """Open contracts, made up and the same all day long: most at the money and at round strikes."""
        middle = self._middles[option.root] or option.strike
        nearness = max(1 - 8 * abs(option.strike - middle) / middle, Decimal(0))
        share = nearness if option.strike % _ROUND_STRIKE == 0 else nearness / 3
        odd = int(option.strike * 7 + option.expiry.toordinal() * 13 + (3 if option.right == "call" else 0)) % 97
        return int(_OPEN_AT_MOST * share) + odd

    def counted_on(self) -> date:
        """The session after which the open interest was counted."""
        return self._calendar().before(exchange_date(self._clock.now()), 1)[0].day

    def ticks(self, underlying: str) -> TickTable:
        """The price steps of an underlying's options: cents for the penny names, else 0.05 from 3 dollars on."""
        return OPTION_TICKS if underlying in PENNY_NAMES else COARSE_TICKS

    def spot(self, underlying: str) -> Decimal | None:
        """What the underlying is worth: midway between its quotes, else its mark; None before it is known."""
        quote = self._prices.quote(underlying)
        return self._prices.mark(underlying) if quote is None else (quote.bid + quote.ask) / 2

    def view(self, symbol: str) -> OptionView | None:
        """The contract now; None where it is not listed, has expired, or the underlying has no price."""
        return self.views([symbol])[symbol]

    def views(self, symbols: Iterable[str]) -> dict[str, OptionView | None]:
        """As `view`, of many contracts that are valued together."""
        found: dict[str, OptionView | None] = {}
        missing: list[tuple[OptionSymbol, Decimal, datetime]] = []
        for symbol in symbols:
            found[symbol] = None
            option = self.listed(symbol)
            if option is None or not self.is_active(option):
                continue
            spot = self.spot(option.root)
            if spot is None:
                continue
            quote = self._prices.quote(option.root)
            at = self._clock.now() if quote is None else quote.at
            known = self._views.get(symbol)
            if known is not None and known[0] == (spot, at):
                found[symbol] = known[1]
            else:
                missing.append((option, spot, at))
        for (option, spot, at), view in zip(missing, self._valued(missing), strict=True):
            self._views[str(option)] = (spot, at), view
            found[str(option)] = view
        return found

    def _strikes_of(self, underlying: str, expiry: date) -> frozenset[Decimal]:
        """Shortly before an expiry half dollars are added near the money, because what is left moves little."""
        strikes = self._strikes.get(underlying, frozenset())
        middle = self._middles.get(underlying)
        if middle is None or expiry - exchange_date(self._clock.now()) > _FINE_UNTIL:
            return strikes
        near = (strike for strike in strikes if abs(strike - middle) <= middle * _FINE)
        return strikes | {strike + _HALF for strike in near}

    def _is_listed(self, expiry: date) -> bool:
        """Whether it was listed by today, over or not."""
        since = self._listed_from.get(expiry)
        return since is not None and since <= max(exchange_date(self._clock.now()), self._first)

    def _valued(self, contracts: list[tuple[OptionSymbol, Decimal, datetime]]) -> Iterator[OptionView]:
        if not contracts:
            return
        volatilities = [_volatility(float(spot), float(option.strike)) for option, spot, _ in contracts]
        models = black_scholes.values(
            [option.right for option, _, _ in contracts],
            spot=[float(spot) for _, spot, _ in contracts],
            strike=[float(option.strike) for option, _, _ in contracts],
            years=[years_between(at, self.expires_at(option.expiry)) for option, _, at in contracts],
            volatility=volatilities,
            rate=RATE,
        )
        for (option, _, at), volatility, model in zip(contracts, volatilities, models.each(), strict=True):
            bid, ask = quoted(model.price, self.ticks(option.root))
            size = Decimal(_LEAST_SIZE + int(option.strike * 7 + option.expiry.toordinal()) % _SIZES)
            yield OptionView(option, bid, ask, size, size, volatility, model, at)


def _rights() -> Iterator[OptionRight]:
    yield "call"
    yield "put"


def _volatility(spot: float, strike: float) -> float:
    return min(max(_BASE_VOLATILITY - _SKEW * log(strike / spot), _LEAST_VOLATILITY), _MOST_VOLATILITY)


def _expiries(calendar: MarketCalendar, first: date, last: date) -> dict[date, date]:
    """By expiry, in order, the day from which it is listed, for a tape from `first` to `last`.

    Every session for two weeks ahead, Fridays for two months, third Fridays for half a year. Where the exchange is
    closed on a Friday, the session before it takes its place.
    """
    sessions = [session.day for session in calendar.between(first, last + _MONTHLY_UNTIL)]
    ahead = dict.fromkeys(sessions, _DAILY_UNTIL)
    for day in sessions:
        friday = day + timedelta(days=_FRIDAY - day.weekday())
        if day.weekday() == _FRIDAY or (day + timedelta(days=1) == friday and friday not in ahead):
            ahead[day] = _MONTHLY_UNTIL if 15 <= friday.day <= 21 else _WEEKLY_UNTIL
    return {day: day - span for day, span in ahead.items()}


def _middle(prices: Prices, symbol: str) -> Decimal | None:
    """The last close before the tape."""
    days = prices.days(symbol)
    return days[-1].close if days else prices.mark(symbol)


def _strikes(close: Decimal | None) -> frozenset[Decimal]:
    """Every dollar near the close, every five dollars further away."""
    if close is None:
        return frozenset()
    middle = int(close)
    near, far = int(close * _NEAR), int(close * _FAR)
    return frozenset(
        Decimal(strike)
        for strike in range(max(1, middle - far), middle + far + 1)
        if abs(strike - middle) <= near or strike % _FAR_STEP == 0
    )
