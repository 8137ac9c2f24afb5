"""What goes wrong with applications of the KCL and no shard tells: each makes one that is well, and what breaks it."""

from streamwatch.reference.aws.kcl import KclApplication
from tests.rules.reader_account import Account
from tests.rules.reader_faults import Break, application

SHARDS = ("shardId-000000000000", "shardId-000000000001")


def all_hang(account: Account, stream: str) -> Break:
    """All record processors of an application hang, and another one reads the same two shards."""
    app = application(account, stream, 2)
    other = account.do(lambda cloud, now: KclApplication(cloud, f"{stream}-well", stream, now, "3.5"))
    other.worker("worker-0")
    account.lives(other)
    return lambda: app.hung_shards.update(SHARDS)


def one_shard_is_written(account: Account, stream: str) -> Break:
    """Only one of two shards is written from now on: the checkpoint of the other one stands, and nothing is unread."""
    application(account, stream, 2)
    return lambda: account.write(stream, "k0")


def stream_deleted(account: Account, stream: str) -> Break:
    """Somebody deletes the stream that an application reads, and its workers live on."""
    application(account, stream)

    def break_() -> None:
        account.quiet(stream)
        account.call("DeleteStream", StreamName=stream, EnforceConsumerDeletion=True)

    return break_
