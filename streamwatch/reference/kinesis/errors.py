"""What Kinesis refuses, by the names and in the words of AWS."""


class Refused(Exception):
    """A refusal; ``code`` is the exception's name in AWS's API, ``status`` its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def not_found(stream: str, account: str) -> Refused:
    """No such stream."""
    return Refused("ResourceNotFoundException", f"Stream {stream} under account {account} not found.")


def no_shard(shard: str, stream: str, account: str) -> Refused:
    """No such shard."""
    why = f"Could not find shard {shard} in stream {stream} under account {account}."
    return Refused("ResourceNotFoundException", why)


def no_consumer(consumer: str) -> Refused:
    """No such registered consumer."""
    return Refused("ResourceNotFoundException", f"Consumer {consumer} not found.")


def invalid(message: str) -> Refused:
    """Arguments that do not fit together."""
    return Refused("InvalidArgumentException", message)


def in_use(message: str) -> Refused:
    """Something is being changed, or held by another."""
    return Refused("ResourceInUseException", message)


def not_active(stream: str, account: str, state: str) -> Refused:
    """A stream that is being changed."""
    return in_use(f"Stream {stream} under account {account} not ACTIVE, instead in state {state}")


def too_many(message: str) -> Refused:
    """A quota of the account, or the rate of a call of the control plane, is used up."""
    return Refused("LimitExceededException", message)


def expired_token() -> Refused:
    """A NextToken that is older than five minutes."""
    return Refused("ExpiredNextTokenException", "The pagination token has expired: tokens live for 300 seconds.")


def throttled(shard: str, stream: str, account: str) -> Refused:
    """A shard's limit was exceeded."""
    why = f"Rate exceeded for shard {shard} in stream {stream} under account {account}."
    return Refused("ProvisionedThroughputExceededException", why)
