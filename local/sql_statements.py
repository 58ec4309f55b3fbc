"""Cuts a SQL file into its statements, as the Supabase CLI does: what is quoted and what is a comment stays whole."""

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
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon, with the comments that stand before, in and after it.

    `line` (from 1) is that of its first word in the file, `begins` that of its text.
    """

    text: str
    line: int
    begins: int


def split(sql: str) -> list[Statement]:
    """The statements of a file in order: what stands between two semicolons, also where it is only a comment."""
    found: list[Statement] = []
    start = 0
    first_word: int | None = None
    for at, stop, kind in [*_pieces(sql), (len(sql), len(sql), "semicolon")]:
        if kind == "semicolon":
            text = sql[start:at]
            if text.strip():
                begins = start + len(text) - len(text.lstrip())
                line = begins if first_word is None else first_word
                found.append(Statement(text.strip(), _line(sql, line), _line(sql, begins)))
            start = stop
            first_word = None
        elif kind == "text" and first_word is None:
            first_word = at
    return found


def without_comments(sql: str) -> str:
    """The same SQL as Postgres understands it: comments and runs of space outside of quotes count as one space."""
    pieces: list[str] = []
    for at, stop, kind in _pieces(sql):
        if kind != "text" and pieces[-1:] != [" "]:
            pieces.append(" ")
        elif kind == "text":
            pieces.append(sql[at:stop])
    return "".join(pieces).strip()


def _line(sql: str, at: int) -> int:
    return sql.count("\n", 0, at) + 1


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
    return "space" if kind == "space" else "text"


def _end_of_comment(sql: str, start: int) -> int:
    # Postgres nests block comments.
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(sql)
