"""Writes the rows of risk_limit_kinds from the rules and watches. `--check` only says whether they are stale."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from functions.core.money import text
from functions.risk.limit_kinds import LIMIT_KINDS
from functions.risk.limits import LimitKind

MIGRATION = Path(__file__).resolve().parents[1] / "supabase" / "migrations" / "20261123001395_limit_kinds_rows.sql"
_HEAD = """\
-- What limits there are. Made by scripts/generate_limit_kinds.py from functions/risk: edit there, then run it again.

insert into public.risk_limit_kinds
  (name, family, unit, scopes, default_value, tighter, parameters, acts, source, counts, summary)
values
"""


def rows() -> str:
    """The whole migration."""
    return _HEAD + ",\n".join(_row(kind) for kind in LIMIT_KINDS.values()) + ";\n"


def _row(kind: LimitKind) -> str:
    parameters = {
        each.name: {"unit": each.unit, "default": text(each.default), "summary": each.summary}
        for each in kind.parameters
    }
    cells = (
        _quoted(kind.name),
        _quoted(kind.family),
        _quoted(kind.unit),
        _listed(kind.scopes),
        "null" if kind.default is None else text(kind.default),
        _quoted(kind.tighter),
        _quoted(json.dumps(parameters)),
        _listed(kind.acts),
        "null" if kind.source is None else _quoted(kind.source),
        str(kind.counts).lower(),
        _quoted(kind.summary),
    )
    return f"  ({', '.join(cells)})"


def _quoted(said: str) -> str:
    return "'" + said.replace("'", "''") + "'"


def _listed(items: tuple[str, ...]) -> str:
    return "'{" + ",".join(items) + "}'"


def main() -> int:
    """Writes or checks the migration. Returns 0 where it is up to date, 1 where the check found it stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help=f"fail where {MIGRATION.name} is stale; write nothing")
    if not parser.parse_args().check:
        MIGRATION.write_text(rows(), encoding="utf-8")
        return 0
    if MIGRATION.exists() and MIGRATION.read_text(encoding="utf-8") == rows():
        return 0
    print(f"{MIGRATION.name} is stale: run `python -m scripts.generate_limit_kinds`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
