"""The lease as one item of a DynamoDB table, written on the condition that nobody has written since it was read."""

from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.aws import AwsCalls
from streamwatch.pair.lease.record import LeaseRecord, VersionedRecord, from_text, to_text
from streamwatch.settings.types import setting
from streamwatch.sources.aws.config import AwsAccess

_CONFLICT: Final = frozenset({"ConditionalCheckFailedException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """An item of a table that is there; the agent needs `dynamodb:GetItem` and `dynamodb:PutItem` on it."""

    table: str = setting("the table's name; its partition key is a string, and it has no sort key")
    region: str = setting("the table's region, as in eu-west-1")
    key: str = setting("the name of the table's partition key", default="id")
    item: str = setting("the key's value of the item that is the lease", default="streamwatch")
    access: AwsAccess = setting("how AWS is reached", default_factory=AwsAccess)


@dataclass(slots=True)
class DynamoDbHome:
    """The item."""

    config: Config
    clock: Clock
    _calls: AwsCalls = field(init=False)

    def __post_init__(self) -> None:
        self._calls = AwsCalls("dynamodb", self.config.region, self.config.access, self.clock)

    def read(self) -> VersionedRecord | None:
        """See ``Home``."""
        asked = {"TableName": self.config.table, "Key": self._key(), "ConsistentRead": True}
        answer = self._calls.ask("GetItem", asked, ()) or {}
        if not answer.get("Item"):
            return None
        try:
            text, version = str(answer["Item"]["lease"]["S"]), str(answer["Item"]["version"]["S"])
        except (KeyError, TypeError) as error:
            raise LeaseError(f"{self._where}: the item is no lease: set `item` to another") from error
        return VersionedRecord(from_text(text, self._where), version)

    def write(self, record: LeaseRecord, seen: VersionedRecord | None) -> VersionedRecord | None:
        """See ``Home``."""
        version = f"{record.process}/{record.beat}"
        names = {"#version": "version"}
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#version)"}
        if seen is not None:
            values = {":seen": {"S": seen.version}}
            condition = {"ConditionExpression": "#version = :seen", "ExpressionAttributeValues": values}
        item = {**self._key(), "lease": {"S": to_text(record)}, "version": {"S": version}}
        put = {"TableName": self.config.table, "Item": item, "ExpressionAttributeNames": names, **condition}
        return None if self._calls.ask("PutItem", put, _CONFLICT) is None else VersionedRecord(record, version)

    def _key(self) -> dict[str, Any]:
        return {self.config.key: {"S": self.config.item}}

    @property
    def _where(self) -> str:
        return f"item {self.config.item!r} of table {self.config.table!r}"
