"""The lease as one object in S3, written with `If-Match` of what was read, or `If-None-Match` where nothing was."""

from dataclasses import dataclass, field
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.aws import AwsCalls
from streamwatch.pair.lease.record import LeaseRecord, VersionedRecord, from_text, to_text
from streamwatch.settings.types import setting
from streamwatch.sources.aws.config import AwsAccess

_CONFLICT: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"})
"""``NoSuchKey``: it was deleted since it was read."""
_NONE: Final = frozenset({"NoSuchKey", "404"})
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """An object of a bucket that is there; the agent needs `s3:GetObject` and `s3:PutObject` on it."""

    bucket: str = setting("the bucket's name")
    region: str = setting("the bucket's region, as in eu-west-1")
    key: str = setting("the object's key", default="streamwatch/lease.json")
    access: AwsAccess = setting("how AWS is reached", default_factory=AwsAccess)


@dataclass(slots=True)
class S3Home:
    """The object. Its ETag identifies its content, of which no two are alike."""

    config: Config
    clock: Clock
    _calls: AwsCalls = field(init=False)

    def __post_init__(self) -> None:
        self._calls = AwsCalls("s3", self.config.region, self.config.access, self.clock)

    def read(self) -> VersionedRecord | None:
        """See ``Home``."""
        answer = self._calls.ask("GetObject", self._object(), _NONE)
        if answer is None:
            return None
        where = f"s3://{self.config.bucket}/{self.config.key}"
        try:
            with answer["Body"] as body:
                text = body.read(_MOST_BYTES).decode("utf-8", "replace")
            version = str(answer["ETag"])
        except Exception as error:  # botocore's and urllib3's, where the body breaks off
            raise LeaseError(f"{where}: could not be read to its end: {type(error).__name__}") from error
        return VersionedRecord(from_text(text, where), version)

    def write(self, record: LeaseRecord, seen: VersionedRecord | None) -> VersionedRecord | None:
        """See ``Home``."""
        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen.version}
        put = {**self._object(), "Body": to_text(record).encode(), "ContentType": "application/json", **condition}
        answer = self._calls.ask("PutObject", put, _CONFLICT)
        return None if answer is None else VersionedRecord(record, str(answer.get("ETag", "")))

    def _object(self) -> dict[str, str]:
        return {"Bucket": self.config.bucket, "Key": self.config.key}
