"""STS and resource tagging: who am I, may I be another, and which streams carry a tag."""

from typing import Any, Final

from streamwatch.reference.aws.cloud import CallerIdentity, Cloud

Parameters = dict[str, Any]
_LISTED: Final = 100


def identity(_: Cloud, caller: CallerIdentity, __: Parameters, ___: float) -> Parameters:
    """GetCallerIdentity."""
    return {"Account": caller.account, "Arn": caller.arn, "UserId": caller.arn.rpartition("/")[2]}


def assume(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, now: float) -> Parameters:
    """AssumeRole."""
    name = parameters["RoleSessionName"]
    key, login = cloud.assume(caller, parameters["RoleArn"], name, parameters.get("ExternalId"), now)
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": login.secret,
            "SessionToken": login.token,
            "Expiration": login.until,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{key}:{name}", "Arn": login.arn},
    }


def resources(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, _: float) -> Parameters:
    """GetResources, of streams: those that have ever been tagged."""
    wanted = {one["Key"]: set(one.get("Values", [])) for one in parameters.get("TagFilters", [])}
    kinds = parameters.get("ResourceTypeFilters", [])
    if kinds and not {"kinesis", "kinesis:stream"} & set(kinds):
        return {"ResourceTagMappingList": [], "PaginationToken": ""}
    after = parameters.get("PaginationToken", "")
    streams = [
        one
        for name, one in sorted(cloud.kinesis(caller.account, caller.region).streams.items())
        if name > after
        and one.tags
        and all(key in one.tags and (not values or one.tags[key] in values) for key, values in wanted.items())
    ]
    most = parameters.get("ResourcesPerPage", _LISTED)
    mappings = [
        {"ResourceARN": one.arn, "Tags": [{"Key": key, "Value": value} for key, value in sorted(one.tags.items())]}
        for one in streams[:most]
    ]
    return {
        "ResourceTagMappingList": mappings,
        "PaginationToken": streams[most - 1].name if len(streams) > most else "",
    }


STS: Final = {"GetCallerIdentity": identity, "AssumeRole": assume}
TAGGING: Final = {"GetResources": resources}
