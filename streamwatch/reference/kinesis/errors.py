"""What Kinesis refuses, by the names and in the words of AWS."""


class ServiceError(Exception):
    """A refusal; ``code`` is the exception's name in AWS's API, ``status`` its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def not_found(stream: str, account: str) -> ServiceError:
    """No such stream."""
    return ServiceError("ResourceNotFoundException", f"Stream {stream} under account {account} not found.")


def no_shard(shard: str, stream: str, account: str) -> ServiceError:
    """No such shard."""
    why = f"Could not find shard {shard} in stream {stream} under account {account}."
    return ServiceError("ResourceNotFoundException", why)


def no_consumer(consumer: str) -> ServiceError:
    """No such registered consumer."""
    return ServiceError("ResourceNotFoundException", f"Consumer {consumer} not found.")


def invalid(message: str) -> ServiceError:
    """Arguments that do not fit together."""
    return ServiceError("InvalidArgumentException", message)


def in_use(message: str) -> ServiceError:
    """Something is being changed, or held by another."""
    return ServiceError("ResourceInUseException", message)


def not_active(stream: str, account: str, state: str) -> ServiceError:
    """A stream that is being changed."""
    return in_use(f"Stream {stream} under account {account} not ACTIVE, instead in state {state}")


def too_many(message: str) -> ServiceError:
    """A quota of the account, or the rate of a call of the control plane, is used up."""
    return ServiceError("LimitExceededException", message)


def expired_token() -> ServiceError:
    """A NextToken that is older than five minutes."""
    return ServiceError("ExpiredNextTokenException", "The pagination token has expired: tokens live for 300 seconds.")


def throttled(shard: str, stream: str, account: str) -> ServiceError:
    """A shard's limit was exceeded."""
    why = f"Rate exceeded for shard {shard} in stream {stream} under account {account}."
    return ServiceError("ProvisionedThroughputExceededException", why)
