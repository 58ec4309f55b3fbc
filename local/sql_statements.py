"""Cuts a SQL file into its statements, as Postgres reads it: strings, names, comments and dollar quotes stay whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n]*)
  | (?P<block_comment>/\*)
  | (?P<escape_string>(?<![A-Za-z0-9_$])[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
  | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
  | (?P<semicolon>;)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon, and the line (from 1) of the file on which its first word stands."""

    text: str
    line: int


def split(sql: str) -> list[Statement]:
    """The statements of a file in order; comments between them belong to none of them."""
    found: list[Statement] = []
    start: int | None = None
    end = 0
    for at, stop, kind in _pieces(sql):
        if kind == "semicolon":
            if start is not None:
                found.append(_statement(sql, start, end))
            start = None
        elif kind not in ("comment", "space"):
            start = at if start is None else start
            end = stop
    if start is not None:
        found.append(_statement(sql, start, end))
    return found


def _statement(sql: str, start: int, end: int) -> Statement:
    return Statement(sql[start:end], sql.count("\n", 0, start) + 1)


def _pieces(sql: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind (comment, space, text, semicolon) of each piece, in order and without gaps."""
    at = 0
    before = ""
    # Inside BEGIN ATOMIC ... END a semicolon ends nothing; CASE ... END may stand within it.
    atomic = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:  # pragma: no cover - `other` matches any character
            raise AssertionError(f"no token at {at}")
        kind = match.lastgroup or "other"
        stop = match.end()
        if kind == "block_comment":
            stop = _end_of_comment(sql, at)
        elif kind == "dollar":
            closing = sql.find(match.group(), stop)
            stop = len(sql) if closing < 0 else closing + len(match.group())
        elif kind == "word":
            word = match.group().lower()
            if (word == "atomic" and before == "begin") or (atomic and word == "case"):
                atomic += 1
            elif atomic and word == "end":
                atomic -= 1
            before = word
        yield at, stop, _simple(kind, sql[at:stop], inside=atomic > 0)
        at = stop


def _simple(kind: str, text: str, *, inside: bool) -> str:
    if kind in ("line_comment", "block_comment"):
        return "comment"
    if kind == "semicolon":
        return "text" if inside else "semicolon"
    return "space" if kind == "other" and text.isspace() else "text"


def _end_of_comment(sql: str, start: int) -> int:
    # Postgres nests block comments.
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(sql)
