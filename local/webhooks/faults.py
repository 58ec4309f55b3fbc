"""The switch that loses requests on purpose, to prove that a lost wake-up changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from functions.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Faults:
    """`lose` is the share of requests, 0 to 1, that are never sent; seed and request id alone decide which ones."""

    lose: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        # A NaN fails this comparison too.
        if not 0 <= self.lose <= 1:
            raise BadInput("BAD_SHARE", f"lose must be a share from 0 to 1, was {self.lose}", field="lose")

    def loses(self, request_id: int) -> bool:
        drawn = hashlib.sha256(f"{self.seed}:{request_id}".encode()).digest()[:8]
        return int.from_bytes(drawn, "big") < self.lose * 2**64

    @classmethod
    def parse(cls, raw: object) -> Faults:
        """Reads ``{"lose": 0.3, "seed": 7}``; both optional. Raises BadInput BAD_FAULTS, BAD_SHARE."""
        if not isinstance(raw, dict) or not set(raw) <= {"lose", "seed"}:
            raise BadInput("BAD_FAULTS", f"expected an object with lose and seed, was {raw!r}")
        lose, seed = raw.get("lose", 0.0), raw.get("seed", 0)
        if isinstance(lose, bool) or not isinstance(lose, int | float):
            raise BadInput("BAD_FAULTS", f"lose must be a number, was {lose!r}", field="lose")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise BadInput("BAD_FAULTS", f"seed must be a whole number, was {seed!r}", field="seed")
        return cls(float(lose), seed)
