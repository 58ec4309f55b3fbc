"""An exported audit trail, checked without the database: the hashes are computed again from the file alone.

Each line is {"previous_hash": "<64 hex>", "hash": "<64 hex>", "link": {...}}, in this order and spacing; the text of
link, byte for byte, is what was hashed: hash = SHA-256(previous hash as 32 bytes || link in UTF-8). The last line
holds the newest link of every chain. docs/ledger.md says the same for whoever writes a checker of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FIRST_PREVIOUS = "00" * 32
_LINE = re.compile(rb'\{"previous_hash": "([0-9a-f]{64})", "hash": "([0-9a-f]{64})", "link": (\{.*\})\}', re.DOTALL)
_END = b'{"heads": '


@dataclass(frozen=True, slots=True)
class Broken:
    """The first line that does not fit, from 1, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """What a file holds. `broken` is None where every link fits and the file is whole."""

    links: int = 0
    heads: dict[str, dict[str, Any]] = field(default_factory=dict)
    begins: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    broken: Broken | None = None

    @property
    def ok(self) -> bool:
        return self.broken is None

    @property
    def chains(self) -> int:
        return len(self.heads)


def end_line(heads: dict[str, Any], chain: str | None, since: str | None) -> str:
    """The last line of a file: what a reader needs to know that nothing is missing at its end."""
    return json.dumps({"heads": heads, "chain": chain, "since": since})


def check(lines: Iterable[bytes]) -> Report:
    """Reads a file line by line and stops at the first that is broken. Needs no more memory for a longer file."""
    report = Report()
    end: dict[str, Any] | None = None
    number = 0
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r\n")
        if end is not None:
            reason: str | None = "there is something after the line with the heads"
        elif line.startswith(_END):
            end = json.loads(line)
            reason = _ending(report, end)
        else:
            reason = _link(report, line, number)
        if reason is not None:
            report.broken = Broken(number, reason)
            return report
    if end is None:
        report.broken = Broken(number + 1, "the line with the heads is missing: the file was cut")
    return report


def _link(report: Report, line: bytes, number: int) -> str | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return "this is no line of an audit export"
    previous, said, content = match[1].decode(), match[2].decode(), match[3]
    if hashlib.sha256(bytes.fromhex(previous) + content).hexdigest() != said:
        return "the link does not fit its hash"
    try:
        link = json.loads(content)
        chain, sequence = str(link["chain"]), int(link["sequence"])
    except (ValueError, KeyError, TypeError):
        return "the link cannot be read"
    before = report.heads.get(chain)
    if before is None:
        report.begins[chain] = (sequence, number, previous)
    elif (sequence, previous) != (before["sequence"] + 1, before["hash"]):
        return f"link {sequence} does not follow link {before['sequence']} of its chain"
    report.heads[chain] = {"sequence": sequence, "hash": said}
    report.links += 1
    return None


def _ending(report: Report, end: dict[str, Any]) -> str | None:
    whole = end.get("since") is None
    for chain, (sequence, number, previous) in report.begins.items():
        if whole and (sequence, previous) != (1, FIRST_PREVIOUS):
            return f"chain {chain} begins with link {sequence} (line {number}): what was before it is missing"
    for chain, head in report.heads.items():
        if end["heads"].get(chain) != head:
            return f"chain {chain} ends with link {head['sequence']}, which is not its head"
    missing = sorted(set(end["heads"]) - set(report.heads))
    return f"chain {missing[0]} is missing" if whole and missing else None
