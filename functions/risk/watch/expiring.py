"""What the desk makes of an account's options and delivered shares at a moment: what it tells, holds to limits, closes.

Pure: the same book and moment give the same answer. Where a mark is missing or old, it is told that it is, and nothing
is done that would need it; what is closed before its cut-off needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from functions.core.ledger.desk import (
    Closing,
    DeliveredShares,
    DeskBook,
    ExpiringPosition,
    Notice,
)
from functions.core.money import divided, rounded, text
from functions.risk.limits import LimitKind
from functions.risk.watch import desk_words
from functions.risk.watch.desk_kinds import ASSIGNED_SHARES, ASSIGNMENT_RISK, EXPIRY_CLOSE, PIN_RISK, WITHIN_MINUTES

FRESH: Final = timedelta(minutes=15)
"""How old a mark may be that the desk decides by."""
Severity = Literal["info", "warning", "critical"]
_MICROSECOND: Final = timedelta(microseconds=1)
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class HeldTo:
    """A limit of the desk as it applies to one owner: set somewhere, or the default of its kind (`limit_id` None)."""

    limit_id: UUID | None
    value: Decimal
    act: str
    parameters: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """A limit that is set and broken, and what was measured."""

    limit_id: UUID
    strategy_id: UUID | None
    measured: Decimal
    detail: dict[str, str]


@dataclass(slots=True)
class Findings:
    """What is to be said and done; closings in the order in which they are found."""

    notices: list[Notice] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)


def held_to(book: DeskBook, kind: LimitKind, strategy: UUID | None) -> tuple[HeldTo, ...]:
    """The limits of a kind that apply to an owner, each on its own: so that none is loosened by another."""
    first = kind.acts[0]
    found = tuple(
        HeldTo(limit.limit_id, limit.value, limit.act or first, limit.parameters)
        for limit in book.limits
        if limit.name == kind.name and (limit.scope != "strategy" or limit.strategy_id == strategy)
    )
    if found or kind.default is None:
        return found
    return (HeldTo(None, kind.default, first),)


def look(book: DeskBook, now: datetime) -> Findings:
    """What there is to tell and to do on an account at a moment."""
    found = Findings()
    for group in _groups(book.positions):
        _look_at(group, book, now, found)
    for delivered in book.delivered:
        _look_at_shares(delivered, book, found)
    return found


@dataclass(frozen=True, slots=True)
class _Ending:
    """An owner's options on one underlying that end together: they are told of and closed as one."""

    positions: Sequence[ExpiringPosition]
    trades_from: datetime
    trades_until: datetime
    minutes_left: Decimal

    @property
    def one(self) -> ExpiringPosition:
        """Any of them, for what they share."""
        return self.positions[0]

    @property
    def name(self) -> str:
        """Whose they are, on what, until when."""
        return f"{self.one.owner_key}|{self.one.underlying}|{self.trades_until:%Y%m%dT%H%M}"


def _groups(positions: Iterable[ExpiringPosition]) -> list[list[ExpiringPosition]]:
    groups: dict[tuple[str, str, object, datetime | None], list[ExpiringPosition]] = {}
    for position in positions:
        key = (position.owner_key, position.underlying, position.expires_on, position.trades_until)
        groups.setdefault(key, []).append(position)
    return list(groups.values())


def _look_at(group: Sequence[ExpiringPosition], book: DeskBook, now: datetime, found: Findings) -> None:
    one = group[0]
    if one.trades_until is None or one.trades_from is None:
        name = f"calendar|{one.owner_key}|{one.underlying}|{one.expires_on}"
        found.notices.append(_notice(name, "MISSING_CALENDAR", "warning", desk_words.no_calendar(group), group))
        return
    if now >= one.trades_until:
        return
    left = rounded(divided(Decimal((one.trades_until - now) // _MICROSECOND), Decimal(60_000_000)))
    ending = _Ending(group, one.trades_from, one.trades_until, left)
    _tell_stage(ending, now, found)
    acts = _soon(ending, book, found) | _pinned(ending, book, now, found) | _assignable(ending, book, now, found)
    acts -= {"warn"}
    if acts and book.session is not None:
        found.closings.append(
            Closing(
                # Rounds are counted by session: what was tried yesterday is tried again.
                cause=f"{one.underlying}|{ending.trades_until:%Y%m%dT%H%M}|{book.session.date}",
                owner_key=one.owner_key,
                symbols=[position.symbol for position in group],
                # What is stricter is done: closed, where another limit would have it rolled.
                how="close" if "flatten" in acts else "roll",
                reason=f"expiry desk: {one.underlying} options that end on {one.expires_on}",
            )
        )


def _tell_stage(ending: _Ending, now: datetime, found: Findings) -> None:
    """On the last day, and on the one before."""
    group, until, warned_from = ending.positions, ending.trades_until, ending.one.warned_from
    if now >= ending.trades_from:
        words = desk_words.expiring("today", group, until)
        found.notices.append(_notice(f"today|{ending.name}", "EXPIRY_TODAY", "warning", words, group))
    elif warned_from is not None and now >= warned_from:
        words = desk_words.expiring("in the next session", group, until)
        found.notices.append(_notice(f"tomorrow|{ending.name}", "EXPIRY_TOMORROW", "info", words, group))


def _soon(ending: _Ending, book: DeskBook, found: Findings) -> set[str]:
    """Options that are still open so many minutes before their cut-off."""
    group = ending.positions
    acts: set[str] = set()
    for limit in held_to(book, EXPIRY_CLOSE, ending.one.strategy_id):
        if ending.minutes_left > limit.value:
            continue
        acts.add(limit.act)
        worthless = all(position.if_left == "expires" for position in group)
        words = desk_words.soon(limit.value, limit.act, group, ending.trades_until)
        name = f"soon|{text(limit.value)}|{ending.name}"
        severity: Severity = "warning" if worthless or limit.act != "warn" else "critical"
        found.notices.append(_notice(name, "EXPIRY_SOON", severity, words, group))
        _break(found, limit, ending.one, ending.minutes_left)
    return acts


def _pinned(ending: _Ending, book: DeskBook, now: datetime, found: Findings) -> set[str]:
    """The underlying is near the strike of a sold option on the last day."""
    acts: set[str] = set()
    if now < ending.trades_from:
        return acts
    for position in ending.positions:
        if position.quantity > 0 or position.settlement == "cash":
            continue
        name = f"pin|{ending.name}|{position.symbol}"
        spot = _fresh(position.underlying_mark, position.underlying_marked_at, now)
        for limit in held_to(book, PIN_RISK, position.strategy_id):
            if ending.minutes_left > limit.parameters.get(WITHIN_MINUTES.name, WITHIN_MINUTES.default):
                continue
            if spot is None:
                _unknown(found, "PIN_RISK_UNKNOWN", name, position, position.underlying)
                continue
            distance = abs(spot - position.strike) * 100
            # Compared without the division, whose rounding could call near what is just outside.
            if distance > limit.value * position.strike:
                continue
            acts.add(limit.act)
            words = desk_words.pinned(position, limit.act)
            found.notices.append(_notice(name, "PIN_RISK", "critical", words, [position]))
            _break(found, limit, position, divided(distance, position.strike))
    return acts


def _assignable(ending: _Ending, book: DeskBook, now: datetime, found: Findings) -> set[str]:
    """The holder of a sold option gains by exercising it now."""
    acts: set[str] = set()
    if book.session is None:
        return acts
    for position in ending.positions:
        if position.quantity > 0 or position.style != "american":
            continue
        if position.option_right == "call" and not _before_ex_date(position, book):
            continue
        name = f"early|{ending.name}|{position.symbol}|{book.session.date}"
        if _fresh(position.underlying_mark, position.underlying_marked_at, now) is None:
            _unknown(found, "ASSIGNMENT_RISK_UNKNOWN", name, position, position.underlying)
        elif position.in_the_money is None or position.in_the_money <= 0:
            continue
        elif _fresh(position.mark, position.marked_at, now) is None or position.time_value is None:
            _unknown(found, "ASSIGNMENT_RISK_UNKNOWN", name, position, position.symbol)
        elif position.option_right == "call" and position.dividend is None:
            words = desk_words.no_dividend(position)
            found.notices.append(
                _notice(f"no dividend|{name}", "ASSIGNMENT_RISK_UNKNOWN", "warning", words, [position])
            )
        else:
            for limit in held_to(book, ASSIGNMENT_RISK, position.strategy_id):
                if not _gains(position, position.time_value, limit.value):
                    continue
                acts.add(limit.act)
                words = desk_words.assignable(position, limit.act)
                found.notices.append(_notice(name, "ASSIGNMENT_RISK", "critical", words, [position]))
                _break(found, limit, position, position.time_value)
    return acts


def _before_ex_date(position: ExpiringPosition, book: DeskBook) -> bool:
    """Whether the session that is open is the last one in which exercise brings the dividend."""
    if position.next_ex_date is None or book.session is None or book.next_session is None:
        return False
    return book.session.date < position.next_ex_date <= book.next_session.date


def _gains(position: ExpiringPosition, time_value: Decimal, least: Decimal) -> bool:
    """Whether whoever holds the other side gains by exercising now."""
    if position.option_right == "call":
        return position.dividend is not None and time_value < position.dividend
    return time_value <= least


def _look_at_shares(delivered: DeliveredShares, book: DeskBook, found: Findings) -> None:
    code = "ASSIGNED" if delivered.kind == "assignment" else "EXERCISED"
    found.notices.append(
        Notice(
            name=f"delivered|{delivered.adjustment_id}|{delivered.owner_key}",
            code=code,
            severity="warning",
            text=desk_words.delivered(delivered),
            numbers={
                "adjustment": str(delivered.adjustment_id),
                "option": delivered.option_symbol,
                "contracts": text(delivered.contracts),
                "symbol": delivered.symbol,
                "owner": delivered.owner_key,
                "shares": text(delivered.shares),
                "price": text(delivered.price),
                "cash": text(delivered.cash),
            },
        )
    )
    left = remaining(delivered)
    most = ZERO
    for limit in held_to(book, ASSIGNED_SHARES, delivered.strategy_id):
        if left <= limit.value:
            continue
        if limit.act == "flatten":
            most = max(most, left - limit.value)
        if limit.limit_id is not None:
            detail = {"symbol": delivered.symbol, "adjustment": str(delivered.adjustment_id)}
            found.broken.append(Broken(limit.limit_id, delivered.strategy_id, left, detail))
    if most > 0 and book.session is not None:
        found.closings.append(
            Closing(
                cause=f"assigned|{delivered.adjustment_id}",
                owner_key=delivered.owner_key,
                symbols=[delivered.symbol],
                how="close",
                reason=f"expiry desk: shares by {delivered.kind} of {delivered.option_symbol}",
                most=most,
            )
        )


def remaining(delivered: DeliveredShares) -> Decimal:
    """How many of the shares are still there: what has closed another position, or was closed since, is not."""
    if delivered.held * delivered.shares <= 0:
        return ZERO
    return max(min(abs(delivered.shares) - delivered.closed, abs(delivered.held)), ZERO)


def _fresh(mark: Decimal | None, at: datetime | None, now: datetime) -> Decimal | None:
    """The mark, where it is new enough to decide by."""
    return mark if at is not None and now - at <= FRESH else None


def _unknown(found: Findings, code: str, name: str, position: ExpiringPosition, missing: str) -> None:
    words = desk_words.unknown(position, missing)
    found.notices.append(_notice(f"unknown|{name}", code, "warning", words, [position]))


def _break(found: Findings, limit: HeldTo, position: ExpiringPosition, measured: Decimal) -> None:
    if limit.limit_id is not None:
        detail = {"underlying": position.underlying, "symbol": position.symbol, "expires_on": str(position.expires_on)}
        found.broken.append(Broken(limit.limit_id, position.strategy_id, measured, detail))


def _notice(name: str, code: str, severity: Severity, words: str, positions: Sequence[ExpiringPosition]) -> Notice:
    return Notice(name=name, code=code, severity=severity, text=words, numbers=desk_words.numbers(positions))
