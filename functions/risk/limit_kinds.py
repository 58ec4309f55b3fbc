"""Every limit that can be set: those of the rules, and those of the watches that act after the trade."""

from __future__ import annotations

from decimal import Decimal

from functions.core.errors import BadInput
from functions.risk.assess import RULES
from functions.risk.limits import Limit, LimitKind, Scope, Tighter
from functions.risk.watch.breakers import BREAKERS
from functions.risk.watch.desk_kinds import DESK_KINDS

WATCH_KINDS: tuple[LimitKind, ...] = (*BREAKERS, *DESK_KINDS)
LIMIT_KINDS: dict[str, LimitKind] = {
    kind.name: kind for kind in (*(rule.kind for rule in RULES if rule.kind.scopes), *WATCH_KINDS)
}
TIGHTER: dict[str, Tighter] = {name: kind.tighter for name, kind in LIMIT_KINDS.items()}


def limit(name: str, scope: Scope, value: Decimal) -> Limit:
    """A limit as it may be set. Raises BadInput BAD_LIMIT naming the field, what was expected and what was found."""
    kind = LIMIT_KINDS.get(name)
    if kind is None:
        raise BadInput("BAD_LIMIT", f"name: expected one of {', '.join(LIMIT_KINDS)}, was {name!r}", field="name")
    if scope not in kind.scopes:
        raise BadInput("BAD_LIMIT", f"scope: expected one of {', '.join(kind.scopes)}, was {scope!r}", field="scope")
    if not value.is_finite() or value < 0:
        raise BadInput("BAD_LIMIT", f"value: expected 0 or more {kind.unit}, was {value}", field="value")
    return Limit(name, scope, value)
