"""How much a browser must fetch before the dashboard can show anything: what index.html names, compressed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from functions.core.errors import Unavailable

GOAL_BYTES: Final = 200_000
_NAMED: Final = re.compile(r'(?:src|href)="(/assets/[^"]+\.(?:js|css))"')


@dataclass(frozen=True, slots=True)
class File:
    """One file of the entry, as gzip makes it."""

    name: str
    gzip_bytes: int

    @property
    def is_script(self) -> bool:
        return self.name.endswith(".js")


def entry(built: Path) -> list[File]:
    """The scripts and styles that index.html names, the largest first. Raises Unavailable where nothing is built."""
    index = built / "index.html"
    if not index.exists():
        raise Unavailable("NOT_BUILT", "the dashboard is not built; run `make setup`")
    files = [built / name.lstrip("/") for name in _NAMED.findall(index.read_text())]
    return sorted((File(file.name, _gzip_bytes(file)) for file in files), key=lambda file: -file.gzip_bytes)


def _gzip_bytes(file: Path) -> int:
    """As it is served; what is too small to be compressed is served as it is."""
    compressed = file.with_name(f"{file.name}.gz")
    return (compressed if compressed.exists() else file).stat().st_size
