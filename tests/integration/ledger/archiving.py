"""An archive in memory beside a test's ledger, and what moves months into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from functions.core.ledger.history import ArchivingLedger
from functions.ingest.archiving import archive_finished
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import JournalledArchive


@dataclass
class Shelf:
    """The archive of one ledger."""

    ledger: Ledger
    archive: JournalledArchive = field(default_factory=lambda: JournalledArchive([]))

    @property
    def archiving(self) -> ArchivingLedger:
        return ArchivingLedger(Direct(self.ledger, "fn_ingest"))

    def fill(self, now: datetime) -> int:
        """Archives every month that is over."""
        return archive_finished(self.archiving, self.archive, now)
