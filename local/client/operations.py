"""What the API does. Made from docs/openapi.json by `make api`."""

from __future__ import annotations

from local.client import models
from local.client.wire import Wire


class Operations:
    """One method for each operation. Each raises Temporary where it may work later, Final where it will not."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_strategy_kinds(self) -> models.StrategyKinds:
        """The kinds of strategies there are, with the JSON Schema of each one's configuration."""
        return self._wire.model(models.StrategyKinds, "GET", "/api/strategy-kinds")
