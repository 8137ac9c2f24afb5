"""Whatever an API answers costs its own share, is a problem by its name, and leaves the connection alone."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka import codes
from tests.prepared import Fault, Truth
from tests.sources.kafka.preparing import Make, facts, truth

Trouble = Callable[[Truth, dict[int, Fault], str], None]

SHARES: Final = {
    "DescribeQuorum": {"controllers"},
    "ListGroups": {"groups", "commits", "all groups"},
    "DescribeGroups": {"groups"},
    "ConsumerGroupDescribe": {"groups"},
    "FindCoordinator": {"groups", "commits"},
    "OffsetFetch": {"commits"},
    "ListOffsets": {"ends", "starts"},
    "DescribeLogDirs": {"sizes", "disks"},
    "ListPartitionReassignments": {"reassigning"},
    "DescribeConfigs": {"settings"},
}
"""What is not known where one API cannot be used."""
CODES: Final = {
    "UNKNOWN_SERVER_ERROR (-1)": "error",
    "CLUSTER_AUTHORIZATION_FAILED (31)": "denied",
    "GROUP_AUTHORIZATION_FAILED (30)": "denied",
    "UNSUPPORTED_VERSION (35)": "unsupported",
    "INVALID_REQUEST (42)": "error",
    "POLICY_VIOLATION (44)": "error",
    "KAFKA_STORAGE_ERROR (56)": "error",
    "COORDINATOR_LOAD_IN_PROGRESS (14)": "moved",
}


def code_of(name: str) -> int:
    return int(name.partition("(")[2][:-1])


def world() -> Truth:
    """Return a cluster of which every API is asked: of one group two brokers say that it is theirs."""
    found = truth()
    found.consumer_type = {"audit"}
    found.listed_by["billing"] = (1, 2)
    found.coordinator["billing"] = 2
    return found


def read_thrice(make: Make, of: Truth, spoil: Callable[[dict[int, Fault]], None] | None = None) -> ClusterSnapshot:
    """Read until nothing is new, and check that no connection was lost."""
    source, cluster = make(of)
    if spoil:
        spoil(cluster.faults)
    for _ in range(2):
        source.read()
    now = source.read()
    assert cluster.not_offered == [], "asked, and not offered"
    assert cluster.asked["ApiVersions"] == len(of.brokers), "a connection was lost"
    return now


@pytest.fixture(scope="module")
def healthy() -> dict[str, Any]:
    return {}


@pytest.fixture
def plain(make: Make, healthy: dict[str, Any]) -> dict[str, Any]:
    """What the cluster is like without trouble; read once."""
    if not healthy:
        now = read_thrice(make, world())
        assert now.problems == ()
        healthy |= facts(now)
    return healthy


def check(now: ClusterSnapshot, plain: dict[str, Any], api: str, *words: str) -> None:
    """Check that just this API's share is missing, and that a problem says why."""
    found = facts(now)
    assert {part for part in found if found[part] != plain[part]} == SHARES[api]
    details = [problem.detail for problem in now.problems]
    assert any(all(word in detail for word in (api, *words)) for detail in details), details


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("api", SHARES)
def test_a_code_is_a_problem_by_its_name(make: Make, plain: dict[str, Any], api: str, code: str) -> None:
    of = world()
    of.codes[api] = code_of(code)
    now = read_thrice(make, of)

    check(now, plain, api, code)
    assert {problem.reason for problem in now.problems if api in problem.detail} == {CODES[code]}


@pytest.mark.parametrize("api", SHARES)
def test_what_is_not_offered_is_not_asked(make: Make, plain: dict[str, Any], api: str) -> None:
    of = world()
    of.missing = {api}
    now = read_thrice(make, of)

    if api == "DescribeQuorum":
        assert facts(now) == plain, "then the metadata names the controller"
        return
    check(now, plain, api, "not offered")
    assert {problem.reason for problem in now.problems} == {"unsupported"}


@pytest.mark.parametrize("api", SHARES)
def test_nonsense_is_no_more_than_an_error(make: Make, plain: dict[str, Any], api: str) -> None:
    def spoil(faults: dict[int, Fault]) -> None:
        for fault in faults.values():
            fault.garbage = {api}

    check(read_thrice(make, world(), spoil), plain, api)


@pytest.mark.parametrize("release", [(2, 8), (3, 9), (4, 3)])
def test_without_metadata_there_is_nothing_and_a_reason(make: Make, release: tuple[int, int]) -> None:
    source, _ = make(truth(missing={"Metadata"}, release=release))
    now = source.read()

    assert now.topology is None
    assert any("no version of Metadata" in problem.detail for problem in now.problems)


@pytest.mark.parametrize(
    ("codes_of", "controllers", "words"),
    [
        pytest.param({"DescribeQuorum": codes.REQUEST_TIMED_OUT}, 0.0, "no active controller", id="silence_reported"),
        pytest.param({"DescribeQuorum partition": codes.LEADER_NOT_AVAILABLE}, 0.0, "no active", id="no_leader"),
        pytest.param({"DescribeQuorum partition": codes.NOT_LEADER}, None, "NOT_LEADER", id="not_the_leader"),
        pytest.param({"DescribeQuorum partition": -1}, None, "UNKNOWN_SERVER_ERROR (-1)", id="of_the_partition"),
    ],
)
def test_only_no_leader_is_no_controller(
    make: Make, codes_of: dict[str, int], controllers: float | None, words: str
) -> None:
    of = world()
    of.codes = codes_of
    now = read_thrice(make, of)

    assert now.controllers == controllers if controllers is not None else now.controllers != now.controllers
    assert now.metadata_frozen is (controllers == 0), "counts are withdrawn only where there is no controller"
    assert any(words in problem.detail for problem in now.problems)


def test_a_quorum_that_names_no_leader_has_none(make: Make) -> None:
    of = world()
    of.quorum_leader = -1

    assert read_thrice(make, of).controllers == 0


def test_one_broker_that_answers_with_an_error_is_not_the_last_one_asked(make: Make, plain: dict[str, Any]) -> None:
    def spoil(faults: dict[int, Fault]) -> None:
        faults[1].codes = {"DescribeQuorum": -1}

    now = read_thrice(make, world(), spoil)
    assert facts(now) == plain
    assert now.problems == ()


def test_one_silent_broker_and_others_with_errors_make_no_missing_controller(make: Make) -> None:
    def spoil(faults: dict[int, Fault]) -> None:
        faults[1].codes = {"DescribeQuorum": codes.REQUEST_TIMED_OUT}
        faults[2].codes = faults[3].codes = {"DescribeQuorum": -1}

    now = read_thrice(make, world(), spoil)
    assert now.controllers != now.controllers
    assert not now.metadata_frozen


def test_a_failed_disk_is_offline_and_any_other_error_is_only_unknown(make: Make) -> None:
    of = truth()
    sizes = {("clicks", p): 10 for p in range(3)}
    of.log_dirs = {
        b: [("/good", 0, 100, 50, sizes), ("/bad", 56, -1, -1, {}), ("/odd", 42, -1, -1, {})] for b in of.brokers
    }
    now = read_thrice(make, of)

    assert {(one.path, one.online) for one in now.log_dirs} == {("/good", True), ("/bad", False), ("/odd", None)}
    assert {one.reason for one in now.problems} == {"error"}
    assert all("/odd" in one.detail and "INVALID_REQUEST (42)" in one.detail for one in now.problems)
    assert [size for size in now.replica_bytes.tolist() if size >= 0] == [10] * 9


def test_each_code_of_commits_is_a_problem(make: Make, plain: dict[str, Any]) -> None:
    of = world()
    of.codes = {"OffsetFetch partition": 29}
    check(read_thrice(make, of), plain, "OffsetFetch", "TOPIC_AUTHORIZATION_FAILED (29)", "billing")


def test_a_service_that_offers_neither_quorum_nor_controller_is_not_without_one(make: Make) -> None:
    of = truth(missing={"DescribeQuorum"}, controller_id=-1)
    now = read_thrice(make, of)

    assert now.controllers != now.controllers
    assert {problem.reason for problem in now.problems} == {"unsupported"}
    with_zookeeper = truth(release=(2, 8), controller_id=-1)
    assert read_thrice(make, with_zookeeper).controllers == 0
