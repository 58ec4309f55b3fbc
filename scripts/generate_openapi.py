"""Writes docs/openapi.json as the edge function serves it. `--check` only says whether it is stale."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENT = PROJECT / "docs" / "openapi.json"
_PRINTS = "api/document.ts"


def document() -> str:
    """What the API's own code prints; nothing is asked of the network."""
    tools = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        ["deno", "run", "--quiet", "--cached-only", "--no-prompt", "--allow-env", _PRINTS],
        cwd=PROJECT / "supabase" / "functions",
        env=os.environ | {"PATH": tools, "DENO_DIR": str(PROJECT / ".tools" / "deno"), "DENO_NO_UPDATE_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{_PRINTS} did not print the document:\n{done.stderr}")
    return done.stdout


def main() -> int:
    """Writes or checks the document. Returns 0 where it is up to date, 1 where the check found it stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help=f"fail where {DOCUMENT.name} is stale; write nothing")
    if not parser.parse_args().check:
        DOCUMENT.write_text(document(), encoding="utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == document():
        return 0
    print(f"docs/{DOCUMENT.name} is stale: run `make api`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
