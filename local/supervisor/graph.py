"""The order of starting: who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from functions.core.errors import BadInput
from local.supervisor.part import Node


def checked(nodes: Sequence[Node]) -> dict[str, Node]:
    """The nodes by name, an order that respects every `after`.

    Raises BadInput BAD_GRAPH for a name given twice, an unknown name in `after`, or a circle.
    """
    by_name: dict[str, Node] = {}
    for node in nodes:
        if node.name in by_name:
            raise BadInput("BAD_GRAPH", f"the name {node.name!r} is given twice", name=node.name)
        by_name[node.name] = node
    for node in nodes:
        for wanted in node.after:
            if wanted not in by_name:
                raise BadInput("BAD_GRAPH", f"{node.name} waits for {wanted!r}, which is not there", name=node.name)
    try:
        order = list(TopologicalSorter({node.name: node.after for node in nodes}).static_order())
    except CycleError as error:
        raise BadInput("BAD_GRAPH", f"these wait for each other: {error.args[1]}") from error
    return {name: by_name[name] for name in order}


def with_needed(nodes: Sequence[Node], names: Sequence[str]) -> list[Node]:
    """The named nodes and everything that they wait for. Raises BadInput BAD_GRAPH for an unknown name."""
    by_name = checked(nodes)
    wanted: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in by_name:
            known = ", ".join(by_name)
            raise BadInput("BAD_GRAPH", f"expected one of {known}, was {name!r}", name=name)
        if name not in wanted:
            wanted.add(name)
            queue.extend(by_name[name].after)
    return [node for name, node in by_name.items() if name in wanted]
