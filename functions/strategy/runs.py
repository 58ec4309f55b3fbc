"""Runs of neighbouring bars that belong together, a session for one: for columns that begin anew in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from functions.strategy.bars import MISSING, Bars, IntArray

NANOSECONDS_PER_MINUTE = 60_000_000_000
SESSION_MINUTES = 390
"""The longest regular session of the exchange."""


@dataclass(frozen=True, slots=True)
class Runs:
    """`first` is the index of each run's first bar; `number` is which run each bar is in."""

    first: IntArray
    number: IntArray

    @classmethod
    def where_equal(cls, *keys: IntArray) -> Runs:
        """A run goes on while every key stays the same. Keys are as long as the bars."""
        begins = np.ones(len(keys[0]), dtype=np.bool_)
        begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
        return cls(np.flatnonzero(begins).astype(np.int64), np.cumsum(begins, dtype=np.int64) - 1)

    @property
    def start(self) -> IntArray:
        """The index of the first bar of each bar's run."""
        return self.first[self.number]

    def total(self, values: IntArray) -> IntArray:
        """The sum over each bar's whole run. Causal only where no later bar of the run has a part in it."""
        return np.add.reduceat(values, self.first)[self.number] if len(values) else values

    def highest(self, values: IntArray) -> IntArray:
        """The highest of each bar's whole run; causal as `total` is."""
        return np.maximum.reduceat(values, self.first)[self.number] if len(values) else values

    def lowest(self, values: IntArray) -> IntArray:
        """The lowest of each bar's whole run; causal as `total` is."""
        return np.minimum.reduceat(values, self.first)[self.number] if len(values) else values


def sessions(bars: Bars) -> Runs:
    """One run for each session; bars that lie in none make runs of their own."""
    return Runs.where_equal(bars.opens_at)


def minutes_since_open(bars: Bars) -> IntArray:
    """From the session's opening to each bar's end, in whole minutes; MISSING where the bar lies in no session."""
    whole = (bars.ends_at - bars.opens_at) // NANOSECONDS_PER_MINUTE
    return np.where(bars.opens_at == MISSING, MISSING, whole)


def ages(holds: np.ndarray[tuple[int], np.dtype[np.bool_]], runs: Runs) -> IntArray:
    """How many bars ago it first held in the run: 0 at that bar, MISSING before. Causal."""
    index = np.arange(len(holds), dtype=np.int64)
    first = runs.lowest(np.where(holds, index, len(holds)))
    return np.where(index >= first, index - first, MISSING)
