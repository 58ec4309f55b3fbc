"""Which orders depend on which: pairs of which one ends the other, and children that wait for their parent's fill."""

from __future__ import annotations

from functions.backtest.orders import WorkingOrder


class Contingents:
    """Bookkeeping only: it says who is concerned; the exchange does what follows.

    An order may be a member of one group of alternatives (`oco`), and wait for one parent (`after`).
    """

    def __init__(self) -> None:
        self._groups: dict[str, list[str]] = {}
        self._group_of: dict[str, str] = {}
        self._held: dict[str, WorkingOrder] = {}
        self._children: dict[str, list[str]] = {}

    def join(self, order: WorkingOrder) -> None:
        """Notes the alternatives of an order."""
        if order.new.oco is not None:
            self._groups.setdefault(order.new.oco, []).append(order.new.order_id)
            self._group_of[order.new.order_id] = order.new.oco

    def hold(self, order: WorkingOrder, parent: str) -> None:
        """Keeps a child back until its parent has filled."""
        self._held[order.new.order_id] = order
        self._children.setdefault(parent, []).append(order.new.order_id)

    def held(self, order_id: str) -> WorkingOrder | None:
        """The child while it waits."""
        return self._held.get(order_id)

    def let_go(self, order_id: str) -> WorkingOrder:
        """The child no longer waits."""
        return self._held.pop(order_id)

    def put_back(self, order: WorkingOrder, old_id: str) -> None:
        """A new order waits in the place of one that was replaced."""
        del self._held[old_id]
        self._held[order.new.order_id] = order
        for children in self._children.values():
            if old_id in children:
                children[children.index(old_id)] = order.new.order_id

    def alternatives(self, order_id: str) -> list[str]:
        """The other members of an order's group that have not ended."""
        group = self._group_of.get(order_id)
        return [other for other in self._groups.get(group or "", []) if other != order_id]

    def children(self, parent: str) -> list[WorkingOrder]:
        """The children that still wait for this parent, in the order given."""
        return [self._held[child] for child in self._children.get(parent, []) if child in self._held]

    def renamed(self, old_id: str, new_id: str) -> None:
        """A replacement takes the place of an order among its alternatives, and as a parent."""
        group = self._group_of.pop(old_id, None)
        if group is not None:
            members = self._groups[group]
            members[members.index(old_id)] = new_id
            self._group_of[new_id] = group
        if old_id in self._children:
            self._children[new_id] = self._children.pop(old_id)
