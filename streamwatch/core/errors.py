"""Every error that StreamWatch raises on purpose.

The tree::

    StreamWatchError
      ConfigError             the configuration is wrong: every mistake at once, each with its place
      CatalogueError          a programming mistake: an unknown metric, or labels that do not fit one
      SourceError             a source could not be read
        SourceUnavailable       nobody answered in time, or the connection broke        (retryable)
        SourceDenied            the credentials or the rights are not enough
        SourceThrottled         a quota asks us to wait                                 (retryable)
        SourceMisread           what came back was not what the protocol promises
        SourceForeign           another one answers than the one that is watched
        SourceUnsupported       it does not offer what was to be asked
      LeaseError              the home of the lease did not answer, or not so that one can go by it (retryable)
      ExportError             an exporter could not start or deliver
      GrafanaError            a Grafana did not take the dashboards
      QueryError              an expression is none, or uses what the engine does not know
      RuleError               rule files are wrong: every mistake at once, each with its place
      EvaluationError         an expression could not be evaluated on the data that there is
      NotifyError             a notification, or samples, were not taken by a service
        NotifyUnavailable       the service did not answer, or asked to wait            (retryable)
        NotifyRefused           the service will never take it as it is

A message reads *where: what happened: what to do*. It never holds a secret.
"""

from typing import ClassVar


class StreamWatchError(Exception):
    """The root. ``retryable`` says whether the same call may succeed later, unchanged."""

    retryable: ClassVar[bool] = False


class ConfigError(StreamWatchError):
    """The configuration is wrong; ``mistakes`` holds one line for each thing that is."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class CatalogueError(StreamWatchError):
    """A metric was used with labels or values that its definition does not have."""


class SourceError(StreamWatchError):
    """A source could not be read, wholly or in part."""


class SourceUnavailable(SourceError):
    """Nobody answered in time, or the connection broke."""

    retryable = True


class SourceDenied(SourceError):
    """The credentials were refused, or do not allow what was asked."""


class SourceThrottled(SourceError):
    """A quota wants a wait that is longer than we may."""

    retryable = True


class SourceMisread(SourceError):
    """What came back was not what the protocol promises."""


class SourceForeign(SourceError):
    """Another cluster answers at an address of the one that is watched."""


class SourceUnsupported(SourceError):
    """What was to be asked is not offered; so it is not asked."""


class LeaseError(StreamWatchError):
    """The home of the lease was not reached, or did not answer what it promises: who holds the lease is not known."""

    retryable = True


class ExportError(StreamWatchError):
    """An exporter could not start or deliver."""


class GrafanaError(StreamWatchError):
    """A Grafana did not take the dashboards, or files of them could not be written."""


class QueryError(StreamWatchError):
    """An expression is none, or uses what the engine does not know."""


class RuleError(StreamWatchError):
    """Rule files are wrong; ``mistakes`` holds one line for each thing that is."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class EvaluationError(StreamWatchError):
    """An expression could not be evaluated on the data that there is."""


class NotifyError(StreamWatchError):
    """A message to a service was not taken; ``reached`` says whether it may have been, nevertheless."""

    def __init__(
        self, message: str, *, reached: bool = False, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.reached = reached
        self.retry_after = retry_after
        """Seconds that the service asked to wait."""
        self.status = status
        """Of HTTP, where it was refused."""


class NotifyUnavailable(NotifyError):
    """The service did not answer, failed, or asked to wait."""

    retryable = True


class NotifyRefused(NotifyError):
    """The service will never take it as it is: what it says must be mended first."""
