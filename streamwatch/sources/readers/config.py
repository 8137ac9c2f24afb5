"""Which readers of streams are watched, and how."""

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatch.settings.types import Duration, refuse, setting
from streamwatch.sources.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application whose stream cannot be recognized by its leases, because it never wrote a checkpoint."""

    name: str = setting("the application, which is the name of its lease table")
    stream: str = setting("the stream that it reads")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointProbe:
    """Asks the shard itself what is left to read after a checkpoint that stands: one shard a second at most."""

    enabled: bool = setting(
        "whether shards are asked; needs kinesis:GetShardIterator and kinesis:GetRecords, and takes one of the five"
        " reads a second that all readers of the shard share",
        default=False,
    )
    beyond: Duration = setting(
        "only where the checkpoint is older than this; a quiet shard is asked at every read", default=60.0, minimum=10
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kcl:
    """Applications of the Kinesis Client Library, known by their lease tables in DynamoDB alone."""

    enabled: bool = setting(
        "whether lease tables are read; needs dynamodb:ListTables, dynamodb:DescribeTable and, of the lease tables,"
        " dynamodb:Scan",
        default=False,
    )
    tables: Names = setting("tables that are looked at", default_factory=Names)
    most_tables: int = setting(
        "where a region has more tables than this, `tables.allow` must name the lease tables: none is looked for",
        default=100,
        minimum=1,
    )
    applications: tuple[Application, ...] = setting(
        "applications whose stream is named here, and not found out", default=()
    )
    interval: Duration = setting("how often lease tables are read", default=60.0, minimum=10)
    discover_interval: Duration = setting("how often tables are listed and described", default=300.0, minimum=10)
    capacity_share: int = setting(
        "the most that the agent reads of a table's provisioned read capacity, in percent", default=18, minimum=1,
        maximum=50,
    )  # fmt: skip

    probe: CheckpointProbe = setting(
        "how far a checkpoint that stands is behind, asked of its shard", default_factory=CheckpointProbe
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        names = [one.name for one in self.applications if one is not None]
        for name in sorted({one for one in names if names.count(one) > 1}):
            yield f"applications: {name!r} is named more than once: an application reads one stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCluster:
    """A Kafka cluster that functions read, and what the agent calls it."""

    source: str = setting("the ARN of an MSK cluster, or a bootstrap server as `host:port`, as the mapping has it")
    kafka_cluster: str = setting("the name of the cluster under `kafka`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """Event source mappings of AWS Lambda: functions that read Kinesis streams and Kafka topics."""

    enabled: bool = setting(
        "whether event source mappings are read; needs lambda:ListEventSourceMappings and cloudwatch:GetMetricData",
        default=False,
    )
    names: Names = setting("functions that are looked at", default_factory=Names)
    clusters: tuple[NamedCluster, ...] = setting(
        "Kafka clusters that are called otherwise here than by MSK; an MSK cluster is called by its own name, unless it"
        " is named here",
        default=(),
    )
    interval: Duration = setting("how often mappings are listed, and CloudWatch is asked", default=60.0, minimum=10)
    metrics: bool = setting(
        "whether CloudWatch is asked, within `cloudwatch.monthly_dollars` of the whole entry; without it the state of a"
        " mapping is all that is known",
        default=True,
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        sources = [one.source for one in self.clusters if one is not None]
        for source in sorted({one for one in sources if sources.count(one) > 1}):
            yield f"clusters: {source!r} is named more than once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What AWS runs beside streams and topics, listed and described an account and region."""

    names: Names = setting("names that are looked at", default_factory=Names)
    interval: Duration = setting("how often they are listed, and CloudWatch is asked", default=60.0, minimum=10)
    discover_interval: Duration = setting("how often each is described", default=300.0, minimum=10)
    monthly_dollars: int = setting(
        "the most that CloudWatch may cost a month for these: beyond, it is asked less often, and that is said",
        default=20,
        minimum=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStreams(Attached):
    """Delivery streams of Amazon Data Firehose whose source is a Kinesis stream or a topic of MSK."""

    enabled: bool = setting(
        "whether they are watched; needs firehose:ListDeliveryStreams, firehose:DescribeDeliveryStream and"
        " cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors(Attached):
    """Connectors of MSK Connect."""

    enabled: bool = setting(
        "whether they are watched; needs kafkaconnect:ListConnectors, kafkaconnect:DescribeConnector and"
        " cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationTasks(Attached):
    """Tasks of the Database Migration Service that write a Kinesis stream or Kafka: they do not read one."""

    enabled: bool = setting(
        "whether they are watched; needs dms:DescribeEndpoints, dms:DescribeReplicationTasks, dms:DescribeReplications,"
        " dms:DescribeReplicationInstances and cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPipes(Attached):
    """Pipes of EventBridge whose source is a Kinesis stream or Kafka."""

    enabled: bool = setting(
        "whether they are watched; needs pipes:ListPipes, pipes:DescribePipe and cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkApplications(Attached):
    """Applications of Managed Service for Apache Flink."""

    enabled: bool = setting(
        "whether they are watched; needs kinesisanalytics:ListApplications, kinesisanalytics:DescribeApplication and"
        " cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicators(Attached):
    """Replicators of MSK, which copy topics from one Kafka cluster to another."""

    enabled: bool = setting(
        "whether they are watched; needs kafka:ListReplicators, kafka:DescribeReplicator and cloudwatch:GetMetricData",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedshiftDatabase:
    """A database of Redshift whose views read streams: of a workgroup (Serverless), or of a cluster."""

    workgroup: str | None = setting("the workgroup, of Redshift Serverless", default=None)
    cluster: str | None = setting("the identifier of the cluster, where it is a provisioned one", default=None)
    database: str = setting("the database that holds the views")
    region: str | None = setting("where it is; needed where `regions` has several", default=None)
    db_user: str | None = setting(
        "the user of a cluster's database whom the agent is; without it and without `secret_arn`, the agent's own"
        " identity of IAM",
        default=None,
    )
    secret_arn: str | None = setting("the secret that holds user and password", default=None)
    kafka_cluster: str | None = setting(
        "the name under `kafka` of the cluster whose topics its views read, where they read topics: Redshift does not"
        " say it",
        default=None,
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        if (self.workgroup is None) == (self.cluster is None):
            yield "workgroup, cluster: one of the two must be named, and not both"
        if self.db_user is not None and (self.cluster is None or self.secret_arn is not None):
            yield "db_user: it is for a cluster, and without secret_arn"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.workgroup or self.cluster or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedshiftViews:
    """Materialized views of Redshift that read Kinesis streams or topics: streaming ingestion."""

    enabled: bool = setting(
        "whether warehouses are asked, which costs their compute; needs redshift-data:ExecuteStatement,"
        " redshift-data:DescribeStatement, redshift-data:GetStatementResult, a login"
        " (redshift-serverless:GetCredentials, redshift:GetClusterCredentialsWithIAM, redshift:GetClusterCredentials or"
        " secretsmanager:GetSecretValue) and, in the database, SYS:MONITOR",
        default=False,
    )
    warehouses: tuple[RedshiftDatabase, ...] = setting("the databases that are asked", default=())
    interval: Duration = setting(
        "how often each is asked: a workgroup that sleeps is woken by it, and bills at least a minute",
        default=900.0,
        minimum=300,
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        if self.enabled and not self.warehouses:
            yield "warehouses: at least one is needed: write [{workgroup: analytics, database: dev}]"
        known = [(one.name, one.database, one.region) for one in self.warehouses if one is not None]
        for name, database, _ in sorted({one for one in known if known.count(one) > 1}, key=str):
            yield f"warehouses: {name!r} with the database {database!r} is named more than once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who reads the streams; each kind is switched on by itself."""

    kcl: Kcl = setting("applications of the Kinesis Client Library", default_factory=Kcl)
    functions: Functions = setting("event source mappings of AWS Lambda", default_factory=Functions)
    firehose: DeliveryStreams = setting("delivery streams of Amazon Data Firehose", default_factory=DeliveryStreams)
    msk_connect: Connectors = setting("connectors of MSK Connect", default_factory=Connectors)
    dms: ReplicationTasks = setting("tasks of the Database Migration Service", default_factory=ReplicationTasks)
    pipes: EventPipes = setting("pipes of EventBridge", default_factory=EventPipes)
    flink: FlinkApplications = setting(
        "applications of Managed Service for Apache Flink", default_factory=FlinkApplications
    )
    msk_replicator: Replicators = setting("replicators of MSK", default_factory=Replicators)
    redshift: RedshiftViews = setting("materialized views of Redshift that read streams", default_factory=RedshiftViews)
