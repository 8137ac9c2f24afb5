"""Calls to AWS for a lease: each made once, since the next step is a second away."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError
from streamwatch.sources.aws.config import AwsAccess

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account


class AwsCalls:
    """One service in one region."""

    def __init__(self, service: str, region: str, access: AwsAccess, clock: Clock) -> None:
        """Prepare; who has no such lease does not pay for the library."""
        self._service, self._region, self._access, self._clock = service, region, access, clock
        self._account: Account | None = None

    def ask(self, operation: str, parameters: Mapping[str, Any], refusals: Collection[str]) -> dict[str, Any] | None:
        """Return the answer; None where it is one of these refusals, by its code.

        Raises:
            LeaseError: AWS was not reached, or refused for another reason.

        """
        from botocore.exceptions import ClientError  # noqa: PLC0415

        from streamwatch.sources.aws.errors import understood  # noqa: PLC0415

        try:
            return self._made().ask(self._service, self._region, operation, parameters)
        except Exception as error:
            if isinstance(error, ClientError) and str(error.response.get("Error", {}).get("Code", "")) in refusals:
                return None
            raise LeaseError(str(understood(error, f"{operation} in {self._region}"))) from error

    def _made(self) -> "Account":
        from streamwatch.sources.aws.session import Account  # noqa: PLC0415

        if self._account is None:
            self._account = Account(self._access, self._clock, attempts=1)
        return self._account
