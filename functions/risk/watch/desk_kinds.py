"""The limits of the expiry and assignment desk: when it acts by itself, and what it does then."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from functions.risk.limits import WIDE_SCOPES, LimitKind, Parameter

EXPIRY_CLOSE: Final = LimitKind(
    name="expiry_close",
    unit="minutes before the cut-off",
    scopes=WIDE_SCOPES,
    summary=(
        "So long before they can no longer be traded, options that are still open are told of (warn), closed "
        "(flatten), or rolled into the same strikes of the next listed expiry (roll; closed where that cannot be)."
    ),
    family="desk",
    default=Decimal(60),
    tighter="higher",
    acts=("warn", "flatten", "roll"),
)
WITHIN_MINUTES: Final = Parameter(
    "within_minutes", "minutes", Decimal(120), "how long before the cut-off it is looked at."
)
PIN_RISK: Final = LimitKind(
    name="pin_risk",
    unit="percent of the strike",
    scopes=WIDE_SCOPES,
    summary=(
        "On its last day the underlying is not this near to the strike of a sold option that delivers shares: whether "
        "it is assigned is known only after the close. warn, or flatten: it is closed with what expires with it."
    ),
    family="desk",
    default=Decimal("0.5"),
    tighter="higher",
    parameters=(WITHIN_MINUTES,),
    acts=("warn", "flatten"),
)
ASSIGNMENT_RISK: Final = LimitKind(
    name="assignment_risk",
    unit="dollars of time value a share",
    scopes=WIDE_SCOPES,
    summary=(
        "A sold American put in the money keeps more time value than this; a sold American call in the money, in the "
        "session before an ex-date, more than the dividend. With less its holder gains by exercising now. warn, or "
        "flatten: it is closed with what expires with it, before that session is over."
    ),
    family="desk",
    default=Decimal("0.05"),
    tighter="higher",
    acts=("warn", "flatten"),
)
ASSIGNED_SHARES: Final = LimitKind(
    name="assigned_shares",
    unit="shares",
    scopes=WIDE_SCOPES,
    summary=(
        "No more shares stay that came, or went short, by assignment or exercise. warn, or flatten: what is beyond it "
        "is sold or bought back when the market is open, for five days after they came."
    ),
    family="desk",
    default=Decimal(0),
    acts=("warn", "flatten"),
)
DESK_KINDS: Final = (EXPIRY_CLOSE, PIN_RISK, ASSIGNMENT_RISK, ASSIGNED_SHARES)
