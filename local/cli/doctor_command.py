"""`agenttrader doctor`: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich import box
from rich.table import Table

from local.cli.exits import Exit
from local.cli.options import Json, PortBase, State
from local.cli.screen import Screen
from local.stack import PORT_OFFSETS, checked_port_base, default_state, port_base_from_environment
from local.supervisor import tools
from local.supervisor.claim import is_claimed
from local.supervisor.ports import is_free

_OLDEST_PYTHON = (3, 11)
_DISK_NEEDED = 1024**3
_MEMORY_NEEDED = 2 * 1024**3
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Finding:
    """`missing` stops the local cloud; `absent` only leaves out what is optional."""

    name: str
    state: Literal["ok", "missing", "absent"]
    detail: str


def doctor(as_json: Json = False, state: State = None, port_base: PortBase = None) -> int:
    """Check tools, ports, disk and versions, and say what to do. Exit 3 where something needed is missing.

    Example: agenttrader doctor
    """
    screen = Screen.open(as_json)
    folder = default_state() if state is None else state.resolve()
    base = checked_port_base(port_base if port_base is not None else port_base_from_environment())
    findings = [*_needed(folder, base), *_optional()]
    table = Table(title="This machine", title_justify="left", box=box.SIMPLE)
    for column in ("what", "", "detail"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        style = {"ok": None, "missing": "red", "absent": "dim"}[finding.state]
        table.add_row(finding.name, finding.state, finding.detail, style=style)
    well = all(finding.state != "missing" for finding in findings)
    screen.show(table)
    screen.say("Everything needed is there." if well else "Something needed is missing: see the lines in red.")
    screen.result({"ok": well, "findings": [asdict(finding) for finding in findings]})
    return Exit.FINE if well else Exit.ENVIRONMENT


def _needed(folder: Path, base: int) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fresh = sys.version_info[:2] >= _OLDEST_PYTHON
    yield Finding("Python", "ok" if fresh else "missing", f"{version}; 3.11 or newer is needed")
    for name, found in (("node", tools.node()), ("deno", tools.deno()), ("postgres", tools.postgres())):
        missing = tools.missing(name)
        yield Finding(name, "missing" if missing else "ok", missing or str(found))
    yield _disk(folder)
    yield _memory()
    yield _reachable()
    yield _ports(folder, base)


def _disk(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / 1024**3:.1f} GiB free at {existing}; 1 GiB is needed"
    if not os.access(existing, os.W_OK):
        return Finding(
            "state folder", "missing", f"{existing} is not writable; set AGENTTRADER_STATE to another folder"
        )
    return Finding("state folder", "ok" if free >= _DISK_NEEDED else "missing", detail)


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = total >= _MEMORY_NEEDED
    return Finding("memory", "ok" if enough else "missing", f"{total / 1024**3:.1f} GiB; 2 GiB are needed")


def _reachable() -> Finding:
    """As root, Postgres runs as nobody, who must be able to reach its programs."""
    program = tools.postgres()
    if os.geteuid() != 0 or program is None:
        return Finding("user", "ok", f"runs as user id {os.geteuid()}")
    closed = [str(parent) for parent in Path(program).parents if not parent.stat().st_mode & 0o001]
    if closed:
        return Finding(
            "user",
            "missing",
            f"Postgres runs as nobody, who may not enter {closed[-1]}; `chmod o+x {closed[-1]}` or move the project",
        )
    return Finding("user", "ok", "root; Postgres runs as nobody")


def _ports(folder: Path, base: int) -> Finding:
    taken = [f"{base + offset} ({name})" for name, offset in PORT_OFFSETS.items() if not is_free(base + offset)]
    if not taken:
        return Finding("ports", "ok", f"{base} to {base + max(PORT_OFFSETS.values())} are free")
    if is_claimed(folder) or is_claimed(folder / "demo"):
        return Finding("ports", "ok", "in use by the running local cloud; see `agenttrader status`")
    return Finding("ports", "missing", f"taken: {', '.join(taken)}; stop what holds them or set AGENTTRADER_PORT_BASE")


def _optional() -> Iterator[Finding]:
    yield _program(
        "gcloud (for the Pub/Sub and Firestore emulators)",
        ("gcloud",),
        "then: gcloud components install pubsub-emulator cloud-firestore-emulator",
    )
    yield _program("Java (for the emulators)", ("java",), "install a Java 21 runtime")
    yield _program("Terraform", ("terraform",), "needed to deploy, and to check the cloud's description")
    yield _program("Chromium", _CHROMIUM, "needed by the dashboard's browser tests")
    yield _program(
        "Supabase CLI", ("supabase",), "to push migrations to a hosted project; `make advise` fetches its own"
    )
    data = os.environ.get("AGENTTRADER_DATA")
    there = bool(data) and Path(str(data)).is_dir()
    detail = str(data) if there else "set AGENTTRADER_DATA to a folder of minute files to replay real days"
    yield Finding("real market data", "ok" if there else "absent", detail)
    arch = importlib.util.find_spec("arch") is not None
    yield Finding(
        "daily history (package arch)", "ok" if arch else "absent", "the demo's tape" if arch else tools.REMEDY
    )


def _program(name: str, programs: tuple[str, ...], remedy: str) -> Finding:
    found = next((path for program in programs if (path := shutil.which(program))), None)
    return Finding(name, "ok" if found else "absent", found or f"optional: {remedy}")
