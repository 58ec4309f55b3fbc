"""The archive behind an S3 endpoint: Supabase Storage in the cloud, the local cloud's own archive on one machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from functions.core.errors import BadInput, Misconfigured, NotAuthorised, Unavailable
from functions.core.settings import Settings

_CONNECT_SECONDS = 5
_ATTEMPTS = 3
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_BUSY = frozenset({"SlowDown", "RequestTimeout", "429", "408"})
_SERVER_ERROR = 500

Value = TypeVar("Value")


class S3Archive:
    """The SDK is imported and its client made at the first call: what is missing in the settings is said there."""

    def __init__(self, configuration: Settings) -> None:
        self._settings = configuration
        self._bucket = configuration.archive_bucket
        self._lock = threading.Lock()
        self._made: Any = None

    def get(self, key: str) -> bytes | None:
        with self._typed_errors(key):
            try:
                body: bytes = self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except self._client().exceptions.ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
            return body

    def put(self, key: str, body: bytes) -> None:
        with self._typed_errors(key):
            self._client().put_object(Bucket=self._bucket, Key=key, Body=body)

    def keys(self, prefix: str) -> list[str]:
        with self._typed_errors(prefix):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return sorted(row["Key"] for page in pages for row in page.get("Contents", []))

    def delete(self, key: str) -> None:
        with self._typed_errors(key):
            self._client().delete_object(Bucket=self._bucket, Key=key)

    def close(self) -> None:
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connected(self._settings)
            return self._made

    @contextmanager
    def _typed_errors(self, key: str) -> Iterator[None]:
        from botocore import exceptions as aws

        try:
            yield
        except aws.ClientError as error:
            raise self._meant(error, key) from error
        except aws.ParamValidationError as error:
            raise BadInput("BAD_OBJECT", f"the archive takes no such key: {error}", key=key) from error
        except aws.BotoCoreError as error:
            raise Unavailable("ARCHIVE_UNAVAILABLE", f"the archive did not answer: {error}", key=key) from error

    def _meant(self, error: Any, key: str) -> Exception:
        code = _code(error)
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code == "NoSuchBucket":
            text = f"the archive has no bucket {self._bucket!r}; make it, or set AGENTTRADER_ARCHIVE_BUCKET"
            return Misconfigured("NO_BUCKET", text, bucket=self._bucket)
        if status in (401, 403):
            text = f"the archive does not take our key ({code}); see AGENTTRADER_ARCHIVE_KEY"
            return NotAuthorised("ARCHIVE_FORBIDDEN", text, key=key)
        if status == 0 or status >= _SERVER_ERROR or code in _BUSY:
            return Unavailable("ARCHIVE_UNAVAILABLE", f"the archive answered {status} {code}", key=key)
        return BadInput("BAD_OBJECT", f"the archive refused the object: {error}", key=key)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _connected(configuration: Settings) -> Any:
    """Raises Misconfigured NO_ARCHIVE naming the variable that is not set."""
    from boto3.session import Session
    from botocore.config import Config

    return Session().client(
        "s3",
        endpoint_url=_set(configuration.archive_url, "ARCHIVE_URL"),
        region_name=configuration.archive_region,
        aws_access_key_id=_set(configuration.archive_key, "ARCHIVE_KEY").get_secret_value(),
        aws_secret_access_key=_set(configuration.archive_secret, "ARCHIVE_SECRET").get_secret_value(),
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=configuration.archive_timeout,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            signature_version="s3v4",
            # One host for all buckets, and no checksums in trailers: Supabase Storage takes neither otherwise.
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _set(value: Value | None, name: str) -> Value:
    if value is None:
        text = f"set AGENTTRADER_{name}: long history is kept behind an S3 endpoint"
        raise Misconfigured("NO_ARCHIVE", text, variable=f"AGENTTRADER_{name}")
    return value
