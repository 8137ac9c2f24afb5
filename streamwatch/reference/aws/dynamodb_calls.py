"""What DynamoDB is asked: its tables and their items, page by page.

Left out: sort keys, indexes, conditions, expressions but for a projection, transactions, streams.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from streamwatch.reference.aws.cloud import CallerIdentity, Cloud
from streamwatch.reference.aws.dynamodb import DynamoDb, Item, Table, size_of
from streamwatch.reference.kinesis.errors import ServiceError

Request = dict[str, Any]
Answer = dict[str, Any]
_LISTED: Final = 100
_PAGE_BYTES: Final = 2**20
_UNIT_BYTES: Final = 4096


def _create(house: DynamoDb, request: Request, now: float) -> Answer:
    keys = [(one["AttributeName"], one["KeyType"]) for one in request["KeySchema"]]
    if len(keys) != 1 or keys[0][1] != "HASH":
        raise ServiceError("ValidationException", "the reference has tables with one hash key only")
    units = request.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)
    return {"TableDescription": _described(house.create(request["TableName"], keys[0][0], now, units))}


def _described(table: Table) -> Answer:
    description: Answer = {
        "TableName": table.name,
        "TableArn": table.arn,
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.made,
        "KeySchema": [{"AttributeName": table.key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": table.key, "AttributeType": "S"}],
        "ItemCount": len(table.items),
        "TableSizeBytes": sum(map(size_of, table.items.values())),
        "ProvisionedThroughput": {"ReadCapacityUnits": table.read_units, "WriteCapacityUnits": table.read_units},
    }
    return description if table.read_units else description | {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}


def _describe(house: DynamoDb, request: Request, _: float) -> Answer:
    return {"Table": _described(house.find(request["TableName"]))}


def _list(house: DynamoDb, request: Request, _: float) -> Answer:
    most = request.get("Limit", _LISTED)
    names = [one for one in sorted(house.tables) if one > request.get("ExclusiveStartTableName", "")]
    return {"TableNames": names[:most]} | ({"LastEvaluatedTableName": names[most - 1]} if len(names) > most else {})


def _place(key: str) -> bytes:
    """Return where an item is: by the hash of its key."""
    return blake2b(key.encode(), digest_size=8).digest()


def _scan(house: DynamoDb, request: Request, now: float) -> Answer:
    table = house.find(request["TableName"])
    order = sorted(table.items, key=_place)
    after = request.get("ExclusiveStartKey")
    if after is not None:
        order = [one for one in order if _place(one) > _place(after[table.key]["S"])]
    taken, size = 0, 0
    for key in order[: request.get("Limit", len(order))]:
        size += size_of(table.items[key])
        taken += 1
        if size >= _PAGE_BYTES:
            break
    units = max(1, -(-size // _UNIT_BYTES)) * (1.0 if request.get("ConsistentRead") else 0.5)
    table.use(units, now)
    items = [_projected(table.items[key], request) for key in order[:taken]]
    answer: Answer = {"Items": items, "Count": taken, "ScannedCount": taken}
    if request.get("ReturnConsumedCapacity", "NONE") != "NONE":
        answer["ConsumedCapacity"] = {"TableName": table.name, "CapacityUnits": units}
    # As on AWS: a page of the full limit has a next one, though that may be empty.
    if taken and (taken < len(order) or taken == request.get("Limit")):
        answer["LastEvaluatedKey"] = {table.key: {"S": order[taken - 1]}}
    return answer


def _projected(item: Item, request: Request) -> Item:
    wanted = request.get("ProjectionExpression")
    if wanted is None:
        return item
    names = request.get("ExpressionAttributeNames", {})
    kept = {names.get(one.strip(), one.strip()) for one in wanted.split(",")}
    return {name: value for name, value in item.items() if name in kept}


def _put(house: DynamoDb, request: Request, _: float) -> Answer:
    table = house.find(request["TableName"])
    if "S" not in request["Item"].get(table.key, {}):
        why = "One or more parameter values were invalid: Missing the key in the item"
        raise ServiceError("ValidationException", why)
    table.put(request["Item"])
    return {}


def _update(house: DynamoDb, request: Request, _: float) -> Answer:
    if "UpdateExpression" in request:
        raise ServiceError("ValidationException", "the reference updates by AttributeUpdates only")
    table = house.find(request["TableName"])
    updates = request.get("AttributeUpdates", {})
    changes = {name: None if one.get("Action") == "DELETE" else one["Value"] for name, one in updates.items()}
    table.change(request["Key"][table.key]["S"], **changes)
    return {}


def _delete(house: DynamoDb, request: Request, _: float) -> Answer:
    table = house.find(request["TableName"])
    table.items.pop(request["Key"][table.key]["S"], None)
    return {}


def _remove(house: DynamoDb, request: Request, _: float) -> Answer:
    table = house.find(request["TableName"])
    del house.tables[table.name]
    return {"TableDescription": _described(table)}


def _of_house(
    operation: Callable[[DynamoDb, Request, float], Answer],
) -> Callable[[Cloud, CallerIdentity, Request, float], Answer]:
    return lambda cloud, caller, request, now: operation(cloud.dynamodb(caller.account, caller.region), request, now)


OPERATIONS: Final = {
    "CreateTable": _of_house(_create),
    "DeleteItem": _of_house(_delete),
    "DeleteTable": _of_house(_remove),
    "DescribeTable": _of_house(_describe),
    "ListTables": _of_house(_list),
    "PutItem": _of_house(_put),
    "Scan": _of_house(_scan),
    "UpdateItem": _of_house(_update),
}
