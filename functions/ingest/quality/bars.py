"""The gate of minute bars: one for each symbol, which hears bar after bar and lets through what is good.

A bar outside the band is held until the next one: where that is near the last good price, the held bar was a spike and
is dropped; where it is near the held one, the price has moved, and both are let through. So a true move is late by one
bar and never lost, and what two bars in a row do not agree on reaches nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from functions.core.events import BarData
from functions.core.history.adjusting import CorporateAction
from functions.core.market_calendar import Calendar, Session
from functions.ingest.quality.band import OVERNIGHT, Band, distance
from functions.ingest.quality.findings import Finding, FindingKind
from functions.ingest.quality.splits import between, looks_like

MINUTE: Final = timedelta(minutes=1)
# Two sessions: a feed corrects a bar within minutes, and repeats none of the day before yesterday.
_REMEMBERED: Final = timedelta(days=2)
_TRIM_AT: Final = 2000


@dataclass(slots=True)
class Judged:
    """What is let through, in order, and what was found."""

    bars: list[BarData] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Heard:
    bar: BarData
    polled: bool


class BarGate:
    """`known` are bars that were let through before, oldest first. Times of the calendar decide what a session is.

    `actions` are the share's own that are on record: the splits among them count, also those to come.
    """

    def __init__(
        self, calendar: Calendar, actions: Sequence[CorporateAction] = (), known: Sequence[BarData] = ()
    ) -> None:
        self.calendar = calendar
        self.actions = actions
        self._band = Band()
        self._told: dict[datetime, _Heard] = {}
        self._newest: BarData | None = None
        self._held: BarData | None = None
        for bar in known:
            self._let_through(bar, polled=True)

    def take(self, bar: BarData, *, polled: bool = False) -> Judged:
        """Judges the next bar. `polled` is one that we asked for: that it repeats a streamed one is our own doing."""
        judged = Judged()
        wrong = self._outside(bar)
        if wrong is not None:
            judged.findings.append(wrong)
            return judged
        if self._held is not None and bar.starts_at == self._held.starts_at:
            if not _same(bar, self._held):
                # Told anew, and judged anew.
                judged.findings.append(_found(bar, "duplicate", "told again with other numbers: the last word counts"))
                self._held = None
            else:
                if not polled:
                    judged.findings.append(_found(bar, "duplicate", "told again"))
                return judged
        heard = self._told.get(bar.starts_at)
        if heard is not None:
            self._repeat(bar, heard, polled, judged)
        elif self._newest is not None and bar.starts_at < self._newest.starts_at:
            self._late(bar, self._newest, polled, judged)
        else:
            self._next(bar, polled, judged)
        return judged

    def end(self) -> list[Finding]:
        """Nothing more comes: a bar that is still held was confirmed by none."""
        held, self._held = self._held, None
        return [] if held is None else [_found(held, "spike", self._far(held) + ", and no bar after it")]

    def _outside(self, bar: BarData) -> Finding | None:
        if bar.ends_at - bar.starts_at != MINUTE or bar.starts_at.second or bar.starts_at.microsecond:
            return _found(
                bar, "malformed", f"no whole minute: {bar.starts_at.isoformat()} to {bar.ends_at.isoformat()}"
            )
        if self.calendar.at(bar.starts_at) is None:
            return _found(bar, "session", f"no regular session at {bar.starts_at.isoformat()}")
        return None

    def _repeat(self, bar: BarData, heard: _Heard, polled: bool, judged: Judged) -> None:
        if _same(bar, heard.bar):
            if not (polled or heard.polled):
                judged.findings.append(_found(bar, "duplicate", "told again"))
        elif self._reach(bar, heard.bar) > self._band.limit:
            judged.findings.append(_found(bar, "spike", f"told again, far from {heard.bar.close} as it was told first"))
        else:
            judged.findings.append(_found(bar, "duplicate", "told again with other numbers: the last word counts"))
            self._told[bar.starts_at] = _Heard(bar, polled)
            if self._newest is not None and self._newest.starts_at == bar.starts_at:
                self._newest = bar
            judged.bars.append(bar)

    def _late(self, bar: BarData, newest: BarData, polled: bool, judged: Judged) -> None:
        """A minute that was missing: it completes what is stored, and moves nothing that comes after it."""
        if not polled:
            text = f"{bar.starts_at.isoformat()} after {newest.starts_at.isoformat()}"
            judged.findings.append(_found(bar, "disorder", text))
        before = max((at for at in self._told if at < bar.starts_at), default=None)
        reference = newest if before is None else self._told[before].bar
        if self._reach(bar, reference) > self._limit(bar, reference):
            judged.findings.append(_found(bar, "spike", f"far from {reference.close}"))
            return
        self._told[bar.starts_at] = _Heard(bar, polled)
        judged.bars.append(bar)

    def _next(self, bar: BarData, polled: bool, judged: Judged) -> None:
        held, newest = self._held, self._newest
        if held is not None and newest is not None and self._confirms(bar, held, newest):
            self._held = None
            self._name_split(newest, held, judged)
            self._accept(held, polled, judged)
            self._accept(bar, polled, judged)
        elif newest is None or self._fits(bar, newest, judged):
            if held is not None:
                judged.findings.append(_found(held, "spike", self._far(held) + ", and the next bar was not"))
            self._held = None
            self._accept(bar, polled, judged)
        else:
            if held is not None:
                judged.findings.append(_found(held, "spike", self._far(held) + ", and the next bar elsewhere"))
            self._held = bar

    def _confirms(self, bar: BarData, held: BarData, newest: BarData) -> bool:
        """Whether the price has moved to where the held bar closed. One that came back by itself was a spike."""
        moved = distance(held.close, newest.close) > self._limit(held, newest)
        nearer = self._reach(bar, held) < self._reach(bar, newest)
        return moved and nearer and self._reach(bar, held) <= self._limit(bar, held)

    def _fits(self, bar: BarData, newest: BarData, judged: Judged) -> bool:
        """Whether a bar may follow the newest one, by the splits on record between the two."""
        fits = self._reach(bar, newest) <= self._limit(bar, newest)
        ratio = between(self.actions, self._session(newest).date, self._session(bar).date)
        if ratio is None:
            return fits
        expected = newest.close / ratio
        if max(distance(bar.high, expected), distance(bar.low, expected)) <= OVERNIGHT:
            return True
        if fits:
            text = f"a split of {ratio:f} is on record, and {newest.close} was followed by {bar.open}"
            judged.findings.append(_found(bar, "split", text))
        return fits

    def _name_split(self, newest: BarData, held: BarData, judged: Judged) -> None:
        before, after = self._session(newest), self._session(held)
        if before != after and between(self.actions, before.date, after.date) is None:
            ratio = looks_like(newest.close, held.open)
            if ratio is not None:
                text = f"{newest.close} was followed by {held.open}: a split of {ratio:.4g}? none is on record"
                judged.findings.append(_found(held, "split", text))

    def _accept(self, bar: BarData, polled: bool, judged: Judged) -> None:
        if self._newest is not None:
            missing = self._missing(self._newest.ends_at, bar.starts_at)
            if missing:
                text = f"nothing between {self._newest.ends_at.isoformat()} and {bar.starts_at.isoformat()}"
                # At the first minute that is missing, so that it counts on its own day.
                first = self.calendar.at(self._newest.ends_at)
                later = self.calendar.next_after(self._newest.ends_at)
                at = self._newest.ends_at if first or later is None else later.opens_at
                judged.findings.append(Finding(bar.symbol, bar.feed, "gap", at, text, missing))
        self._let_through(bar, polled)
        judged.bars.append(bar)

    def _let_through(self, bar: BarData, polled: bool) -> None:
        if self._newest is not None and self.calendar.at(self._newest.starts_at) == self.calendar.at(bar.starts_at):
            self._band.learn(self._reach(bar, self._newest))
        self._told[bar.starts_at] = _Heard(bar, polled)
        self._newest = bar
        if len(self._told) > _TRIM_AT:
            self._told = {at: known for at, known in self._told.items() if at > bar.starts_at - _REMEMBERED}

    def _missing(self, start: datetime, end: datetime) -> int:
        """Minutes of sessions from `start` up to `end`."""
        return sum(
            max(0, (min(end, session.closes_at) - max(start, session.opens_at)) // MINUTE)
            for session in self.calendar.between(start, end)
        )

    def _session(self, bar: BarData) -> Session:
        session = self.calendar.at(bar.starts_at)
        if session is None:
            raise RuntimeError(f"a bar outside of every session was let through: {bar.starts_at}")
        return session

    def _reach(self, bar: BarData, reference: BarData) -> int:
        return max(distance(bar.high, reference.close), distance(bar.low, reference.close))

    def _limit(self, bar: BarData, reference: BarData) -> int:
        same_session = self._session(bar) == self.calendar.at(reference.starts_at)
        return self._band.limit if same_session else max(OVERNIGHT, self._band.limit)

    def _far(self, held: BarData) -> str:
        known = "" if self._newest is None else f" from {self._newest.close}"
        return f"low {held.low}, high {held.high} are far{known}"


def _same(one: BarData, other: BarData) -> bool:
    return (one.open, one.high, one.low, one.close, one.volume) == (
        other.open, other.high, other.low, other.close, other.volume,
    )  # fmt: skip


def _found(bar: BarData, kind: FindingKind, text: str) -> Finding:
    return Finding(bar.symbol, bar.feed, kind, bar.starts_at, text)
