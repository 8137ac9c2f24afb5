"""Who may do what: access control lists, as Kafka's StandardAuthorizer reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class AclOperation(IntEnum):
    """What somebody does, by Kafka's codes."""

    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12


class ResourceType(IntEnum):
    """To what."""

    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class PatternType(IntEnum):
    """How the name of an ACL is meant; ANY and MATCH in filters only."""

    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class Permission(IntEnum):
    """Whether it may."""

    ANY = 1
    DENY = 2
    ALLOW = 3


_EVERYBODY: Final = "User:*"
_WILDCARD: Final = "*"
_IMPLIES: Final = {
    AclOperation.DESCRIBE: {AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER},
    AclOperation.DESCRIBE_CONFIGS: {AclOperation.ALTER_CONFIGS},
}
"""Which rights bring another with them."""
_OPERATIONS: Final = {
    ResourceType.TOPIC: (
        AclOperation.READ,
        AclOperation.WRITE,
        AclOperation.CREATE,
        AclOperation.DELETE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    ),
    ResourceType.GROUP: (
        AclOperation.READ,
        AclOperation.DELETE,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    ),
    ResourceType.CLUSTER: (
        AclOperation.CREATE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
        AclOperation.CLUSTER_ACTION,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
        AclOperation.IDEMPOTENT_WRITE,
    ),
    ResourceType.TRANSACTIONAL_ID: (AclOperation.WRITE, AclOperation.DESCRIBE),
}
_ANY_NAME: Final = "hardcode"
"""What Kafka's Authorizer asks for, too, to learn of super users and of rules for all names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """One rule."""

    resource_type: ResourceType
    resource_name: str
    pattern_type: PatternType = PatternType.LITERAL
    principal: str
    host: str = _WILDCARD
    operation: AclOperation
    permission: Permission = Permission.ALLOW

    @property
    def is_vague(self) -> bool:
        """Whether it says what only a filter may say."""
        kinds = (ResourceType.ANY, PatternType.ANY, PatternType.MATCH, AclOperation.ANY, Permission.ANY)
        own = (self.resource_type, self.pattern_type, self.operation, self.permission)
        return any(type(one) is type(kind) and one is kind for one in own for kind in kinds)

    def is_for(self, principal: str, host: str) -> bool:
        """Whether it speaks about this principal, coming from this host."""
        return self.principal in {principal, _EVERYBODY} and self.host in {host, _WILDCARD}

    def is_on(self, kind: ResourceType, name: str) -> bool:
        """Whether it speaks about this resource."""
        if self.resource_type is not kind:
            return False
        if self.pattern_type is PatternType.PREFIXED:
            return name.startswith(self.resource_name)
        return self.resource_name in {name, _WILDCARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rules are meant; None stands for all."""

    resource_type: ResourceType
    resource_name: str | None
    pattern_type: PatternType
    principal: str | None
    host: str | None
    operation: AclOperation
    permission: Permission

    def fits(self, acl: Acl) -> bool:
        """Whether a rule is meant."""
        wanted = (
            (self.resource_type, ResourceType.ANY, acl.resource_type),
            (self.operation, AclOperation.ANY, acl.operation),
            (self.permission, Permission.ANY, acl.permission),
            (self.principal, None, acl.principal),
            (self.host, None, acl.host),
        )
        return all(want in {anything, have} for want, anything, have in wanted) and self._fits_name(acl)

    def _fits_name(self, acl: Acl) -> bool:
        if self.pattern_type is PatternType.MATCH and self.resource_name is not None:
            if acl.pattern_type is PatternType.PREFIXED:
                return self.resource_name.startswith(acl.resource_name)
            return acl.resource_name in {self.resource_name, _WILDCARD}
        if self.pattern_type not in {PatternType.ANY, PatternType.MATCH, acl.pattern_type}:
            return False
        return self.resource_name in {None, acl.resource_name}


class Acls:
    """All rules. With ``allow_everyone_if_no_acl`` everybody may do everything to what no rule speaks of."""

    def __init__(self, super_users: Iterable[str] = (), *, allow_everyone_if_no_acl: bool = True) -> None:
        self._super_users = frozenset(super_users)
        self._lenient = allow_everyone_if_no_acl
        self.rules: list[Acl] = []

    def add(self, acl: Acl) -> None:
        """Add a rule; once is enough."""
        if acl not in self.rules:
            self.rules.append(acl)

    def find(self, wanted: Filter) -> list[Acl]:
        """Return the rules that a filter means."""
        return [rule for rule in self.rules if wanted.fits(rule)]

    def remove(self, wanted: Filter) -> list[Acl]:
        """Remove the rules that a filter means, and return them."""
        gone = self.find(wanted)
        self.rules = [rule for rule in self.rules if rule not in gone]
        return gone

    def allowed(self, principal: str, host: str, operation: AclOperation, kind: ResourceType, name: str) -> bool:
        """Whether a principal may do something: a denial beats everything but being a super user."""
        if principal in self._super_users:
            return True
        on_it = [rule for rule in self.rules if rule.is_on(kind, name)]
        if self._lenient and not on_it:
            return True
        rules = [one for one in on_it if one.is_for(principal, host)]
        if any(
            rule.permission is Permission.DENY and rule.operation in {operation, AclOperation.ALL} for rule in rules
        ):
            return False
        enough = {operation, AclOperation.ALL} | _IMPLIES.get(operation, set())
        return any(rule.permission is Permission.ALLOW and rule.operation in enough for rule in rules)

    def authorized_by_resource_type(
        self, principal: str, host: str, operation: AclOperation, kind: ResourceType
    ) -> bool:
        """Whether a principal may do something to any resource of a kind (KIP-679, for idempotent producers)."""
        if self.allowed(principal, host, operation, kind, _ANY_NAME):
            return True
        rules = [
            rule
            for rule in self.rules
            if rule.resource_type is kind
            and rule.is_for(principal, host)
            and rule.operation in {operation, AclOperation.ALL}
        ]
        denials = [rule for rule in rules if rule.permission is Permission.DENY]
        return any(
            rule.permission is Permission.ALLOW and not any(_covers(denial, rule) for denial in denials)
            for rule in rules
        )

    def operations_on(self, principal: str, host: str, kind: ResourceType, name: str) -> set[AclOperation]:
        """Return everything that a principal may do to a resource."""
        return {one for one in _OPERATIONS[kind] if self.allowed(principal, host, one, kind, name)}


def _covers(denial: Acl, permit: Acl) -> bool:
    """Whether a denial leaves nothing of what another rule permits."""
    if denial.pattern_type is PatternType.PREFIXED:
        return permit.resource_name.startswith(denial.resource_name) and permit.resource_name != _WILDCARD
    if denial.resource_name == _WILDCARD:
        return True
    return permit.pattern_type is PatternType.LITERAL and permit.resource_name == denial.resource_name
