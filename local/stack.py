"""One local cloud's configuration: its folder, its ports, its secrets, and what each process is told about them.

A stack is a state folder (default `.agenttrader` in the project's root) and one port base. The secrets are made once,
kept in `secrets.json` (mode 0600), and reach the processes by environment, never on a command line.
"""

from __future__ import annotations

import json
import os
import secrets as randomness
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import jwt

from functions.core.errors import Misconfigured

PROJECT: Final = Path(__file__).resolve().parents[1]
DEFAULT_PORT_BASE: Final = 21000
HOST: Final = "127.0.0.1"

# Below 32768 lies no ephemeral port, so no outgoing connection of this machine can take one of ours by chance.
FIRST_EPHEMERAL_PORT: Final = 32768

PORT_OFFSETS: Final[dict[str, int]] = {
    "gateway": 0,
    "postgres": 1,
    "realtime": 2,
    "edge": 3,
    "functions": 4,
    "bus": 5,
    "hotstore": 6,
    "scheduler": 7,
    "webhooks": 8,
    "archive": 9,
    "alpaca": 10,
    "tastytrade": 11,
    "dashboard": 12,
}
FIRST_PORT_BASE: Final = 1024
LAST_PORT_BASE: Final = FIRST_EPHEMERAL_PORT - 1 - max(PORT_OFFSETS.values())

_ADDED_LATER: Final = frozenset({"tastytrade_secret", "tastytrade_trading_grant", "tastytrade_data_grant"})

# Long enough that no local stack outlives its keys; the hosted platform issues its own.
_KEY_ISSUED_AT: Final = 1_700_000_000
_KEY_EXPIRES_AT: Final = 4_102_444_800


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only this stack knows. Text of letters and digits, so that it needs no quoting in a URL."""

    postgres_password: str
    jwt_secret: str
    webhook_secret: str
    bus_password: str
    dispatcher_password: str
    broker_key: str
    broker_secret: str
    data_key: str
    data_secret: str
    tastytrade_secret: str
    tastytrade_trading_grant: str
    tastytrade_data_grant: str

    @classmethod
    def generate(cls) -> Self:
        return cls(
            postgres_password=randomness.token_hex(24),
            jwt_secret=randomness.token_hex(32),
            webhook_secret=randomness.token_hex(24),
            bus_password=randomness.token_hex(24),
            dispatcher_password=randomness.token_hex(24),
            broker_key="PK" + randomness.token_hex(9).upper(),
            broker_secret=randomness.token_hex(20),
            data_key="DK" + randomness.token_hex(9).upper(),
            data_secret=randomness.token_hex(20),
            tastytrade_secret=randomness.token_hex(20),
            tastytrade_trading_grant=randomness.token_hex(32),
            tastytrade_data_grant=randomness.token_hex(32),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises Misconfigured BAD_SECRETS_FILE where the file is not what `generate` wrote.

        What a folder of an earlier version does not have yet is made anew.
        """
        try:
            raw: Any = json.loads(path.read_text())
            fresh = {name: value for name, value in asdict(cls.generate()).items() if name in _ADDED_LATER}
            return cls(**{field.name: str((fresh | raw)[field.name]) for field in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                "BAD_SECRETS_FILE",
                f"{path} cannot be read as this stack's secrets ({type(error).__name__}: {error}); "
                "remove the state folder to begin anew",
            ) from error


@dataclass(frozen=True, slots=True)
class Stack:
    """A state folder, a port base, and the secrets in it."""

    state: Path
    port_base: int
    secrets: Secrets

    # --- making and finding -----------------------------------------------------------------------------------------

    @classmethod
    def create(cls, state: Path | None = None, port_base: int | None = None) -> Self:
        """Opens the stack of a folder, making the folder and the secrets where there are none.

        Raises Misconfigured: BAD_PORT_BASE, BAD_SECRETS_FILE, STATE_FOLDER.
        """
        folder = default_state() if state is None else state.resolve()
        base = checked_port_base(port_base if port_base is not None else port_base_from_environment())
        try:
            # Postgres runs as nobody when we are root: others may pass through, and read nothing.
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
            (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Misconfigured(
                "STATE_FOLDER", f"the state folder {folder} cannot be made: {error}; set AGENTTRADER_STATE to another"
            ) from error
        path = folder / "secrets.json"
        if path.exists():
            fresh = Secrets.read(path)
            if asdict(fresh) == json.loads(path.read_text()):
                return cls(folder, base, fresh)
        else:
            fresh = Secrets.generate()
        write_private(path, json.dumps(asdict(fresh), indent=2) + "\n")
        return cls(folder, base, fresh)

    @classmethod
    def load(cls, state: Path | None = None) -> Self:
        """Opens the stack of a folder that exists, with the port base it last ran on.

        Raises Misconfigured NO_STACK where nothing was ever started there.
        """
        folder = default_state() if state is None else state.resolve()
        if not (folder / "secrets.json").exists():
            raise Misconfigured("NO_STACK", f"there is no local cloud in {folder}; start one with `agenttrader up`")
        recorded = read_record(folder).get("port_base")
        base = recorded if isinstance(recorded, int) else port_base_from_environment()
        return cls(folder, checked_port_base(base), Secrets.read(folder / "secrets.json"))

    # --- where things are -------------------------------------------------------------------------------------------

    def port(self, name: str) -> int:
        return self.port_base + PORT_OFFSETS[name]

    def url(self, name: str) -> str:
        return f"http://{HOST}:{self.port(name)}"

    def log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    @property
    def postgres_data(self) -> Path:
        return self.state / "postgres"

    @property
    def archive_data(self) -> Path:
        return self.state / "archive"

    @property
    def database_url(self) -> str:
        """Direct, as the superuser `postgres`: for the local cloud's own parts, never for a function."""
        return self._database_url("postgres", self.secrets.postgres_password)

    @property
    def bus_url(self) -> str:
        """Direct, as the role `bus`, which may publish events and see nothing."""
        return self._database_url("bus", self.secrets.bus_password)

    @property
    def dispatcher_url(self) -> str:
        """Direct, as the role `bus_dispatcher`, which may deliver events and see nothing else."""
        return self._database_url("bus_dispatcher", self.secrets.dispatcher_password)

    def _database_url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{HOST}:{self.port('postgres')}/postgres"

    # --- keys -------------------------------------------------------------------------------------------------------

    def token(self, role: str, **claims: Any) -> str:
        """A JWT of the stack's secret with a role claim, valid for the stack's life unless `exp` is given."""
        payload = {"iss": "supabase", "role": role, "iat": _KEY_ISSUED_AT, "exp": _KEY_EXPIRES_AT} | claims
        return jwt.encode(payload, self.secrets.jwt_secret, algorithm="HS256")

    @property
    def publishable_key(self) -> str:
        return self.token("anon")

    @property
    def service_key(self) -> str:
        """For auth administration by the local cloud itself; no function process is given it."""
        return self.token("service_role")


def default_state() -> Path:
    """AGENTTRADER_STATE, or `.agenttrader` in the project's root."""
    return Path(os.environ.get("AGENTTRADER_STATE") or PROJECT / ".agenttrader").resolve()


def port_base_from_environment() -> int:
    """AGENTTRADER_PORT_BASE, or 21000. Raises Misconfigured BAD_PORT_BASE."""
    text = os.environ.get("AGENTTRADER_PORT_BASE") or str(DEFAULT_PORT_BASE)
    try:
        return int(text)
    except ValueError:
        raise Misconfigured("BAD_PORT_BASE", f"AGENTTRADER_PORT_BASE must be a port number, was {text!r}") from None


def checked_port_base(base: int) -> int:
    if not FIRST_PORT_BASE <= base <= LAST_PORT_BASE:
        raise Misconfigured(
            "BAD_PORT_BASE",
            f"the port base must be from {FIRST_PORT_BASE} to {LAST_PORT_BASE}, was {base}; set AGENTTRADER_PORT_BASE",
        )
    return base


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all; when it returns, it survives a crash."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # What lies there already, left over or laid there by somebody else, keeps its own mode and may be a link.
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_record(state: Path) -> dict[str, Any]:
    """What the last supervisor of this folder wrote in `stack.json`; empty where there is nothing readable."""
    try:
        raw: Any = json.loads((state / "stack.json").read_text())
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}
