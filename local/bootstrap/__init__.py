"""What the hosted platform has before a project's first migration, made in a plain Postgres.

Each `*.sql` file of this folder is idempotent and runs in a transaction of its own, in the order of the names.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from functions.core.errors import Misconfigured

FOLDER = Path(__file__).parent


def apply(dsn: str) -> None:
    """Runs every bootstrap file against the database at `dsn`, whose user must be a superuser.

    Safe to call again. Raises Misconfigured BOOTSTRAP_FAILED with the file and Postgres's message; the files before it
    stay applied, nothing of the failing one does.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for file in sorted(FOLDER.glob("*.sql")):
            try:
                with connection.transaction():
                    connection.execute(file.read_text(encoding="utf-8").encode())
            except psycopg.Error as error:
                raise Misconfigured(
                    "BOOTSTRAP_FAILED", f"the bootstrap file {file.name} failed: {str(error).strip()}", file=file.name
                ) from error
