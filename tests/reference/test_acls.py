"""Who may do what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.reference.kafka.acls import Acl, AclOperation, Acls, Filter, PatternType, Permission, ResourceType

BOB, HOST = "User:bob", "10.0.0.1"
TOPIC = ResourceType.TOPIC


def acl(  # noqa: PLR0913, PLR0917 - the parts of a rule
    operation: AclOperation = AclOperation.READ,
    name: str = "orders",
    principal: str = BOB,
    host: str = "*",
    pattern: PatternType = PatternType.LITERAL,
    permission: Permission = Permission.ALLOW,
) -> Acl:
    return Acl(
        resource_type=TOPIC,
        resource_name=name,
        pattern_type=pattern,
        principal=principal,
        host=host,
        operation=operation,
        permission=permission,
    )


def acls(*rules: Acl, super_users: tuple[str, ...] = ()) -> Acls:
    made = Acls(super_users, allow_everyone_if_no_acl=False)
    for rule in rules:
        made.add(rule)
    return made


@pytest.mark.parametrize(
    ("rules", "operation", "may"),
    [
        pytest.param([], AclOperation.READ, False, id="nothing_is_said"),
        pytest.param([acl()], AclOperation.READ, True, id="allowed"),
        pytest.param([acl()], AclOperation.DESCRIBE, True, id="read_brings_describe"),
        pytest.param([acl(AclOperation.DESCRIBE)], AclOperation.READ, False, id="describe_does_not_bring_read"),
        pytest.param(
            [acl(AclOperation.ALTER_CONFIGS)], AclOperation.DESCRIBE_CONFIGS, True, id="alter_brings_describe"
        ),
        pytest.param([acl(AclOperation.ALL)], AclOperation.DELETE, True, id="all"),
        pytest.param([acl(principal="User:*")], AclOperation.READ, True, id="everybody"),
        pytest.param([acl(principal="User:eve")], AclOperation.READ, False, id="somebody_else"),
        pytest.param([acl(host="10.0.0.2")], AclOperation.READ, False, id="another_host"),
        pytest.param([acl(name="*")], AclOperation.READ, True, id="every_topic"),
        pytest.param([acl(name="ord", pattern=PatternType.PREFIXED)], AclOperation.READ, True, id="prefix"),
        pytest.param([acl(name="ord")], AclOperation.READ, False, id="no_prefix"),
        pytest.param([acl(), acl(permission=Permission.DENY)], AclOperation.READ, False, id="denied"),
        pytest.param(
            [acl(), acl(AclOperation.DESCRIBE, permission=Permission.DENY)], AclOperation.READ, True, id="other"
        ),
    ],
)
def test_a_right_follows_from_the_rules(rules: list[Acl], operation: AclOperation, may: bool) -> None:  # noqa: FBT001
    assert acls(*rules).allowed(BOB, HOST, operation, TOPIC, "orders") is may


def test_without_rules_everybody_may_where_that_is_wanted() -> None:
    lenient = Acls(allow_everyone_if_no_acl=True)

    assert lenient.allowed(BOB, HOST, AclOperation.DELETE, TOPIC, "orders")


def test_a_super_user_may_everything() -> None:
    denied = acls(acl(AclOperation.ALL, principal="User:*", permission=Permission.DENY), super_users=(BOB,))

    assert denied.allowed(BOB, HOST, AclOperation.DELETE, TOPIC, "orders")


@given(
    st.lists(st.sampled_from([op for op in AclOperation if op > 2])),
    st.sampled_from([op for op in AclOperation if op > 2]),
)
def test_a_denial_beats_every_permission(allowed: list[AclOperation], asked: AclOperation) -> None:
    rules = [*map(acl, allowed), acl(AclOperation.ALL, name="*", principal="User:*", permission=Permission.DENY)]

    assert not acls(*rules).allowed(BOB, HOST, asked, TOPIC, "orders")


def wanted(name: str | None, pattern: PatternType, operation: AclOperation = AclOperation.ANY) -> Filter:
    return Filter(
        resource_type=ResourceType.ANY,
        resource_name=name,
        pattern_type=pattern,
        principal=None,
        host=None,
        operation=operation,
        permission=Permission.ANY,
    )


def test_filters_find_by_name_pattern_and_match() -> None:
    literal, prefixed, every = acl(), acl(name="ord", pattern=PatternType.PREFIXED), acl(name="*")
    made = acls(literal, prefixed, every)

    assert made.find(wanted(None, PatternType.ANY)) == [literal, prefixed, every]
    assert made.find(wanted("orders", PatternType.LITERAL)) == [literal]
    assert made.find(wanted("orders", PatternType.MATCH)) == [literal, prefixed, every]
    assert made.find(wanted("ord", PatternType.PREFIXED)) == [prefixed]
    assert made.find(wanted(None, PatternType.ANY, AclOperation.WRITE)) == []


def test_what_is_removed_is_told_and_gone() -> None:
    made = acls(acl(), acl(AclOperation.WRITE))
    gone = made.remove(wanted(None, PatternType.ANY, AclOperation.WRITE))

    assert gone == [acl(AclOperation.WRITE)]
    assert made.rules == [acl()]


def test_the_operations_on_a_topic_are_listed() -> None:
    assert acls(acl()).operations_on(BOB, HOST, TOPIC, "orders") == {AclOperation.READ, AclOperation.DESCRIBE}


def test_a_rule_closes_only_its_own_resource_where_the_others_are_open() -> None:
    lenient = Acls(allow_everyone_if_no_acl=True)
    lenient.add(acl(principal="User:eve"))

    assert not lenient.allowed(BOB, HOST, AclOperation.READ, TOPIC, "orders")
    assert lenient.allowed(BOB, HOST, AclOperation.READ, TOPIC, "others")


@pytest.mark.parametrize(
    ("rules", "may"),
    [
        pytest.param([], False, id="nothing_is_said"),
        pytest.param([acl()], True, id="one_topic"),
        pytest.param([acl(), acl(permission=Permission.DENY)], False, id="that_topic_is_denied"),
        pytest.param([acl(), acl(name="other", permission=Permission.DENY)], True, id="another_is_denied"),
        pytest.param([acl(), acl(name="*", permission=Permission.DENY)], False, id="all_are_denied"),
        pytest.param([acl(), acl(name="or", pattern=PatternType.PREFIXED, permission=Permission.DENY)], False, id="or"),
        pytest.param([acl(name="*"), acl(permission=Permission.DENY)], True, id="all_but_one"),
    ],
)
def test_a_right_on_any_topic(rules: list[Acl], may: bool) -> None:  # noqa: FBT001
    assert acls(*rules).authorized_by_resource_type(BOB, HOST, AclOperation.READ, TOPIC) is may


def test_the_operations_on_a_transactional_id_are_listed() -> None:
    assert acls().operations_on(BOB, HOST, ResourceType.TRANSACTIONAL_ID, "t") == set()


@pytest.mark.parametrize(
    ("change", "is_vague"),
    [
        ({}, False),
        ({"operation": AclOperation.ANY}, True),
        ({"permission": Permission.ANY}, True),
        ({"pattern": PatternType.MATCH}, True),
    ],
)
def test_a_rule_that_says_what_only_a_filter_may_is_vague(change: dict[str, Any], is_vague: bool) -> None:  # noqa: FBT001
    assert acl(**change).is_vague is is_vague
