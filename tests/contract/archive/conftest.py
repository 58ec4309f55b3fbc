from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.core.archive import Archive
from tests.contract.archive.archive_process import ArchiveProcess


@pytest.fixture(scope="session")
def archive_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchiveProcess]:
    process = ArchiveProcess(tmp_path_factory.mktemp("archive"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def archive(archive_process: ArchiveProcess) -> Iterator[Archive]:
    adapter = archive_process.adapter()
    yield adapter
    adapter.close()
