"""What every archive does, against the S3 adapter and the local cloud's archive."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.core.archive import Archive
from functions.core.archive.s3 import S3Archive
from functions.core.errors import AgentTraderError, BadInput, Misconfigured, NotAuthorised, Unavailable
from tests.contract.archive.archive_process import ArchiveProcess
from tests.machine import free_port
from tests.unit.core.settings_made import made_settings


def test_archive_when_an_object_is_put_then_every_byte_comes_back_and_a_new_one_takes_its_place(
    archive: Archive,
) -> None:
    body = bytes(range(256)) * 5000
    archive.put("bars/1Day/SPY/2013-10.parquet", body)
    assert archive.get("bars/1Day/SPY/2013-10.parquet") == body
    archive.put("bars/1Day/SPY/2013-10.parquet", b"short")
    assert archive.get("bars/1Day/SPY/2013-10.parquet") == b"short"
    archive.put("bars/1Day/SPY/2013-10.parquet", b"")
    assert archive.get("bars/1Day/SPY/2013-10.parquet") == b""


def test_archive_when_there_is_no_object_then_none_and_deleting_it_is_fine(archive: Archive) -> None:
    assert archive.get("nothing/here") is None
    archive.delete("nothing/here")
    archive.put("something/here", b"x")
    archive.delete("something/here")
    assert archive.get("something/here") is None


def test_archive_when_listed_then_the_keys_of_the_prefix_alone_in_order(archive: Archive) -> None:
    for name in ("b", "a", "c"):
        archive.put(f"listed/{name}", b"x")
    archive.put("listed-not/a", b"x")
    assert archive.keys("listed/") == ["listed/a", "listed/b", "listed/c"]
    assert archive.keys("nowhere/") == []


def test_archive_when_two_write_one_key_at_once_then_a_reader_sees_one_of_them_whole(archive: Archive) -> None:
    whole = {bytes([value]) * 100_000 for value in (1, 2)}
    archive.put("contended", next(iter(whole)))
    stop = threading.Event()

    def writing(body: bytes) -> None:
        while not stop.is_set():
            archive.put("contended", body)

    writers = [threading.Thread(target=writing, args=(body,)) for body in whole]
    for writer in writers:
        writer.start()
    seen = {archive.get("contended") for _ in range(20)}
    stop.set()
    for writer in writers:
        writer.join()
    assert seen <= whole


@pytest.mark.parametrize("key", ["a/../../b", "", "a//b"])
def test_archive_when_the_key_is_no_path_then_it_is_bad_input(archive: Archive, key: str) -> None:
    with pytest.raises(BadInput, match="BAD_OBJECT"):
        archive.put(key, b"x")


def test_archive_when_nobody_answers_then_temporary(archive_process: ArchiveProcess) -> None:
    away = archive_process.adapter(archive_url=f"http://127.0.0.1:{free_port()}")
    calls: list[Callable[[], object]] = [
        lambda: away.get("a"),
        lambda: away.put("a", b""),
        lambda: away.keys("a"),
        lambda: away.delete("a"),
    ]
    for call in calls:
        with pytest.raises(Unavailable, match="ARCHIVE_UNAVAILABLE"):
            call()


def test_archive_when_the_bucket_is_not_there_then_misconfigured(archive_process: ArchiveProcess) -> None:
    with pytest.raises(Misconfigured, match="NO_BUCKET"):
        archive_process.adapter(archive_bucket="another-one").get("a")


@pytest.mark.parametrize("name", ["archive_url", "archive_key", "archive_secret"])
def test_archive_when_a_setting_is_missing_then_its_variable_is_named_at_the_first_call(
    archive_process: ArchiveProcess, name: str
) -> None:
    adapter = archive_process.adapter(**{name: None})
    with pytest.raises(Misconfigured, match=f"NO_ARCHIVE.*AGENTTRADER_{name.upper()}"):
        adapter.get("a")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (503, "SlowDown", Unavailable),
        (500, "InternalError", Unavailable),
        (400, "RequestTimeout", Unavailable),
        (403, "AccessDenied", NotAuthorised),
        (403, "SignatureDoesNotMatch", NotAuthorised),
        (404, "NoSuchBucket", Misconfigured),
        (413, "EntityTooLarge", BadInput),
    ],
)
def test_archive_when_the_store_refuses_then_temporary_and_final_are_told_apart(
    status: int, code: str, expected: type[AgentTraderError]
) -> None:
    from botocore.exceptions import ClientError

    class Refusing:
        def put_object(self, **_: object) -> None:
            raise ClientError(
                {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
            )

    adapter = S3Archive(made_settings())
    adapter._made = Refusing()
    with pytest.raises(expected):
        adapter.put("a", b"x")


def test_local_archive_when_killed_and_started_again_then_what_was_answered_is_there(tmp_path: Path) -> None:
    process = ArchiveProcess(tmp_path / "archive")
    process.start()
    archive = process.adapter()
    archive.put("bars/1Day/BRK.B/2013-10.parquet", b"kept")
    archive.put("bars/1Day/SPY/2013-10.parquet", b"gone")
    archive.delete("bars/1Day/SPY/2013-10.parquet")
    process.stop(signal.SIGKILL)
    process.start()
    assert archive.keys("") == ["bars/1Day/BRK.B/2013-10.parquet"]
    assert archive.get("bars/1Day/BRK.B/2013-10.parquet") == b"kept"
    assert process.stop(signal.SIGTERM) == 0
    archive.close()
