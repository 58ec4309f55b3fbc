"""Splits and prices: does an overnight move look like one, and do the prices show one that is on record?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from functions.core.history.adjusting import CorporateAction
from functions.ingest.quality.band import MILLION, distance

_FORWARD: Final = (
    *(Decimal(whole) for whole in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)),
    *(Decimal(new) / Decimal(old) for new, old in ((3, 2), (4, 3), (5, 4), (5, 2))),
)
_RATIOS: Final = (*_FORWARD, *(1 / ratio for ratio in _FORWARD))
_NEAR: Final = 3 * MILLION // 100


def between(actions: Sequence[CorporateAction], after: date, until: date) -> Decimal | None:
    """New shares per old one by the splits with an ex-date after `after` and up to `until`; None without one."""
    ratio = None
    for action in actions:
        if action.ratio is not None and after < action.ex_date <= until:
            ratio = (ratio or Decimal(1)) * action.ratio
    return ratio


def looks_like(before: Decimal, opened: Decimal) -> Decimal | None:
    """The split, in new shares per old one, that an overnight move is within 3 % of; None where it is near none."""
    for ratio in _RATIOS:
        if distance(opened * ratio, before) <= _NEAR:
            return ratio
    return None
