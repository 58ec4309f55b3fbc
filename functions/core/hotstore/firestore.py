"""The hot store on Firestore: one document per key, one per lease, compare-and-set by a document's update time."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.core.errors import BadInput, NotAuthorised, Unavailable
from functions.core.hotstore.port import Entry, Lease

if TYPE_CHECKING:
    from google.cloud import firestore

_ENTRIES = "hot_entries"
_LEASES = "hot_leases"
_SECONDS = 10.0
_MOST_WRITES_PER_BATCH = 500
_NANOSECONDS = 1_000_000_000

# One client per process: it owns a channel, and making one costs more than a read.
_client_lock = threading.Lock()
_shared_clients: dict[str, firestore.Client] = {}


class FirestoreHotStore:
    """Thread-safe. The client is made at the first call and shared by the process.

    Values are kept as JSON text, because Firestore's own types know no list within a list. A version is the document's
    update time in nanoseconds. Leases expire by the caller's clock (`expires_at` is also the field for a TTL policy,
    which is clean-up only); hosts must keep their clocks in step, as Google's do.
    With FIRESTORE_EMULATOR_HOST set, the client library speaks to the emulator.
    """

    def __init__(self, project: str, timeout: float = _SECONDS) -> None:
        self._project = project
        self._timeout = timeout

    def get(self, key: str) -> Entry | None:
        with _typed_errors():
            return _entry(self._document(_ENTRIES, key).get(timeout=self._timeout))

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        if not keys:
            return {}
        by_id = {_name(key): key for key in keys}
        found: dict[str, Entry] = {}
        with _typed_errors():
            documents = [self._document(_ENTRIES, key) for key in by_id.values()]
            for snapshot in self._client().get_all(documents, timeout=self._timeout):
                entry = _entry(snapshot)
                if entry is not None:
                    found[by_id[snapshot.id]] = entry
        return found

    def put(self, key: str, value: Any) -> Entry:
        fields = _fields(value)
        with _typed_errors():
            written = self._document(_ENTRIES, key).set(fields, timeout=self._timeout)
        return Entry(value, _version(written.update_time), _moment(written.update_time))

    def put_many(self, values: Mapping[str, Any]) -> None:
        writes = [(key, _fields(value)) for key, value in values.items()]
        with _typed_errors():
            for start in range(0, len(writes), _MOST_WRITES_PER_BATCH):
                batch = self._client().batch()
                for key, fields in writes[start : start + _MOST_WRITES_PER_BATCH]:
                    batch.set(self._document(_ENTRIES, key), fields)
                batch.commit(timeout=self._timeout)

    def compare_and_set(self, key: str, value: Any, version: int | None) -> Entry | None:
        from google.api_core import exceptions as google

        fields = _fields(value)
        with _typed_errors():
            document = self._document(_ENTRIES, key)
            try:
                if version is None:
                    written = document.create(fields, timeout=self._timeout)
                else:
                    written = document.update(fields, option=self._unchanged_since(version), timeout=self._timeout)
            except google.NotFound:
                return None
            except (google.AlreadyExists, google.FailedPrecondition):
                # The client library repeats a write whose answer was lost; then it is our own write that is in the way.
                present = document.get(timeout=self._timeout)
                ours = present.exists and present.get("nonce") == fields["nonce"]
                return _entry(present) if ours else None
        return Entry(value, _version(written.update_time), _moment(written.update_time))

    def delete(self, key: str) -> None:
        with _typed_errors():
            self._document(_ENTRIES, key).delete(timeout=self._timeout)

    def acquire(self, name: str, owner: str, ttl: timedelta) -> Lease | None:
        from google.api_core import exceptions as google

        if ttl <= timedelta(0):
            raise BadInput("BAD_LEASE", f"a lease needs a time above zero, was {ttl}")
        with _typed_errors():
            document = self._document(_LEASES, name)
            present = document.get(timeout=self._timeout)
            now = datetime.now(UTC)
            lease = Lease(name, owner, now + ttl)
            fields = {"owner": owner, "expires_at": lease.expires_at, "nonce": uuid.uuid4().hex}
            try:
                if not present.exists:
                    document.create(fields, timeout=self._timeout)
                elif present.get("owner") == owner or present.get("expires_at") <= now:
                    unchanged = self._unchanged_since(_version(present.update_time))
                    document.update(fields, option=unchanged, timeout=self._timeout)
                else:
                    return None
            except (google.AlreadyExists, google.FailedPrecondition, google.NotFound):
                # Somebody was quicker. Where that was our own repeated write, the lease is ours.
                present = document.get(timeout=self._timeout)
                return lease if present.exists and present.get("nonce") == fields["nonce"] else None
        return lease

    def release(self, name: str, owner: str) -> None:
        from google.api_core import exceptions as google

        with _typed_errors():
            document = self._document(_LEASES, name)
            present = document.get(timeout=self._timeout)
            if not present.exists or present.get("owner") != owner:
                return
            try:
                document.delete(option=self._unchanged_since(_version(present.update_time)), timeout=self._timeout)
            except (google.FailedPrecondition, google.NotFound):
                # It has changed hands since we looked, so there is nothing of ours to give back.
                return

    def close(self) -> None:
        """Nothing is held by this object: the process's one client stays for the other users."""

    def _client(self) -> firestore.Client:
        with _client_lock:
            if self._project not in _shared_clients:
                from google.cloud import firestore

                _shared_clients[self._project] = firestore.Client(project=self._project)
            return _shared_clients[self._project]

    def _document(self, collection: str, key: str) -> Any:
        return self._client().collection(collection).document(_name(key))

    def _unchanged_since(self, version: int) -> Any:
        from google.protobuf.timestamp_pb2 import Timestamp

        seconds, nanos = divmod(version, _NANOSECONDS)
        return self._client().write_option(last_update_time=Timestamp(seconds=seconds, nanos=nanos))


@contextmanager
def _typed_errors() -> Iterator[None]:
    from google.api_core import exceptions as google

    try:
        yield
    except (google.PermissionDenied, google.Unauthenticated) as error:
        raise NotAuthorised("HOTSTORE_FORBIDDEN", f"this service account may not use Firestore: {error}") from error
    except google.InvalidArgument as error:
        raise BadInput("BAD_VALUE", f"Firestore refused the document: {error}") from error
    except (google.GoogleAPICallError, google.RetryError) as error:
        raise Unavailable("HOTSTORE_UNAVAILABLE", f"the hot store did not answer: {error}") from error


def _name(key: str) -> str:
    if not key:
        raise BadInput("BAD_KEY", "a key of the hot store must not be empty")
    # Quoted, because a document's name may hold no slash; marked, because it may be neither "." nor "__x__".
    return f"k={quote(key, safe='')}"


def _fields(value: Any) -> dict[str, str]:
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput("BAD_VALUE", f"the hot store keeps JSON only: {error}") from error
    # A write that changes nothing keeps the update time, and two writers of the same value would both win.
    return {"value": text, "nonce": uuid.uuid4().hex}


def _entry(snapshot: Any) -> Entry | None:
    if not snapshot.exists:
        return None
    return Entry(json.loads(snapshot.get("value")), _version(snapshot.update_time), _moment(snapshot.update_time))


def _version(update_time: Any) -> int:
    stamp = update_time.timestamp_pb() if hasattr(update_time, "timestamp_pb") else update_time
    return int(stamp.seconds) * _NANOSECONDS + int(stamp.nanos)


def _moment(update_time: Any) -> datetime:
    seconds, nanos = divmod(_version(update_time), _NANOSECONDS)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanos // 1000)
