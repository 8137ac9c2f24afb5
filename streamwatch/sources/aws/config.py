"""How AWS is reached."""

from dataclasses import dataclass

from streamwatch.settings.types import Duration, Secret, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccess:
    """Who the agent is to AWS; left out, the credential chain says (environment, profile, role of machine or pod)."""

    profile: str | None = setting("profile of the AWS configuration files", default=None)
    role_arn: str | None = setting("role to assume, in this account or another", default=None)
    external_id: str | None = setting("external id that the role wants", default=None)
    access_key_id: str | None = setting("access key, where the credential chain is not wanted", default=None)
    secret_access_key: Secret | None = setting("its secret", default=None)
    endpoint_url: str | None = setting(
        "address of all services instead of AWS's own: the reference, or a VPC endpoint", default=None
    )

    def __post_init__(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id: a key and its secret belong together: give both, or neither")
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("role_arn: an external_id is for a role: give its ARN too")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudWatch:
    """What CloudWatch is asked for; it costs 0.01 dollars for a thousand metrics requested."""

    enabled: bool = setting("whether CloudWatch is asked at all", default=True)
    detail_interval: Duration = setting(
        "how often everything but the vital metrics (throttling, iterator age) is asked for", default=300.0, minimum=60
    )
    quiet_interval: Duration = setting(
        "how often a metric of detail that has had no data for a while is asked for", default=900.0, minimum=60
    )
    period: Duration = setting(
        "how long a minute of CloudWatch's is; shorter is only that of a reference in a hurry, and with it whatever is"
        " counted in minutes, as these intervals are",
        default=60.0,
        minimum=1,
        maximum=60,
    )
    shard_level: bool = setting("whether shard-level metrics are read where they are on", default=True)
    monthly_dollars: int = setting(
        "the most that CloudWatch may cost a month: beyond, it is asked less often, and that is said", default=100,
        minimum=0,
    )  # fmt: skip
