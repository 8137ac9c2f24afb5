"""What belongs to an upgrade from Standard to Express brokers: topic reassignments, and assessments of readiness.

Nothing is moved here: a fault says how far a reassignment is. An assessment looks at the cluster as it is, for what AWS
documents that an upgrade needs; its words are not AWS's.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from streamwatch.reference.aws.msk import Answer, Msk, MskCluster, Parameters, paged
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kinesis.errors import ServiceError

_REPLICAS: Final = 3
_MIN_ISR: Final = "2"
_VERSION: Final = "3.9"
_SUMMARY: Final = (
    "TopicReassignmentOperationArn",
    "Status",
    "TargetInstanceType",
    "CreationTime",
    "TotalTopics",
    "CompletedTopics",
)


def reassignments(msk: Msk, parameters: Parameters) -> Answer:
    """ListTopicReassignments."""
    cluster = msk.find_provisioned(parameters)
    wanted = {one for one in parameters.get("StatusFilter", "").split(",") if one}
    listed = [one for one in cluster.reassignments if not wanted or one["Status"] in wanted]
    return paged(parameters, "Reassignments", [{name: one[name] for name in _SUMMARY} for one in listed])


def reassignment(msk: Msk, parameters: Parameters) -> Answer:
    """DescribeTopicReassignment."""
    cluster = msk.find_provisioned(parameters)
    return {"ClusterArn": cluster.arn} | _find(cluster.reassignments, "TopicReassignmentOperationArn", parameters)


def assessments(msk: Msk, parameters: Parameters) -> Answer:
    """ListAssessments."""
    cluster = msk.find_provisioned(parameters)
    names = ("AssessmentArn", "AssessmentType", "CreationTime", "Status")
    described = [{name: one[name] for name in names} | {"ClusterArn": cluster.arn} for one in cluster.assessments]
    wanted = parameters.get("AssessmentType")
    return paged(parameters, "Assessments", [one for one in described if wanted in {None, one["AssessmentType"]}])


def assessment(msk: Msk, parameters: Parameters) -> Answer:
    """DescribeAssessment."""
    cluster = msk.find_provisioned(parameters)
    one = dict(_find(cluster.assessments, "AssessmentArn", parameters))
    findings = one.pop("Findings")
    if one["Status"] == "COMPLETE":
        one["Summary"] = {
            "TotalFindings": len(findings),
            "ByCategory": dict(Counter(each["Category"] for each in findings)),
            "BySeverity": dict(Counter(each["Severity"] for each in findings)),
            "HasBlockingFindings": any(each["Severity"] == "ERROR" for each in findings),
            "FindingsCapped": False,
        }
    return {"ClusterArn": cluster.arn} | one


def findings(msk: Msk, parameters: Parameters) -> Answer:
    """ListAssessmentFindings."""
    one = _find(msk.find_provisioned(parameters).assessments, "AssessmentArn", parameters)
    if one["Status"] != "COMPLETE":
        raise ServiceError("ConflictException", f"The assessment is {one['Status']}: it has no findings yet.", 409)
    found = [
        each
        for each in one["Findings"]
        if parameters.get("Category") in {None, each["Category"]}
        and parameters.get("Severity") in {None, each["Severity"]}
    ]
    return paged(parameters, "Findings", found)


def assess(cluster: MskCluster, now: float) -> None:
    """Assess a cluster; it is complete at once (AWS: in about two minutes)."""
    found = [*_of_cluster(cluster), *cluster.look(lambda site, _: list(_of_topics(site)))]
    for number, one in enumerate(found, 1):
        one["FindingId"] = f"finding-{number}"
    arn = f"{cluster.arn.replace(':cluster/', ':assessment/')}/{len(cluster.assessments) + 1}"
    one = {"AssessmentArn": arn, "AssessmentType": "UPDATE_BROKER_TYPE", "Status": "COMPLETE", "Findings": found}
    cluster.assessments.insert(0, one | {"CreationTime": now, "CompletionTime": now})


def _of_cluster(cluster: MskCluster) -> Iterator[Answer]:
    if not cluster.kraft or not cluster.kafka_version.startswith(_VERSION + "."):
        mode = "KRaft" if cluster.kraft else "ZooKeeper"
        message = f"The cluster runs Apache Kafka {cluster.kafka_version} with {mode}."
        yield _finding("INFRASTRUCTURE", "ERROR", cluster.name, message, f"Move to version {_VERSION} with KRaft.")
    if cluster.instance_type.startswith("kafka.t3."):
        message = f"{cluster.instance_type} cannot be upgraded in place."
        yield _finding("CAPACITY", "ERROR", cluster.name, message, "Update the brokers to an M5, M7g or M8g type.")


def _of_topics(site: Site) -> Iterator[Answer]:
    for name, topic in sorted(site.cluster.topics.items()):
        replicas = len(topic.partitions[0].state.replicas)
        if replicas != _REPLICAS:
            message = f"The topic has {replicas} replicas of each partition."
            yield _finding("TOPIC_CONFIGURATION", "ERROR", name, message, f"Give it {_REPLICAS} replicas.")
        least = site.cluster.setting(topic, "min.insync.replicas")
        if least != _MIN_ISR:
            message = f"The topic's min.insync.replicas is {least}."
            yield _finding("TOPIC_CONFIGURATION", "ERROR", name, message, f"Set it to {_MIN_ISR}.")


def _finding(category: str, severity: str, resource: str, message: str, action: str) -> Answer:
    described = {"Category": category, "Severity": severity, "Resource": resource, "Message": message}
    return described | {"Remediation": {"Action": action}}


def _find(some: list[Answer], name: str, parameters: Parameters) -> Answer:
    found = next((one for one in some if one[name] == parameters[name]), None)
    if found is None:
        raise ServiceError("NotFoundException", f"The requested resource doesn't exist: {parameters[name]}", 404)
    return found
