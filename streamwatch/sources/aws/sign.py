"""Requests that are not of boto3's own clients, signed as AWS wants them (Signature Version 4)."""

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyUnavailable
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.credentials import CredentialSession
from streamwatch.sources.aws.session import Account


class Signer:
    """Signs POST requests for a service in a region."""

    def __init__(self, access: AwsAccess, service: str, region: str, clock: Clock) -> None:
        self._account = Account(access, clock)
        self._service, self._region = service, region
        self._shown: CredentialSession | None = None

    def sign(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers with a signature of all that is sent.

        Raises:
            NotifyUnavailable: there are no credentials now.

        """
        try:
            self._shown = login = self._account.login(self._region)
            request = AWSRequest("POST", url, data=body, headers=dict(headers))
            SigV4Auth(login.credentials, self._service, self._region).add_auth(request)
        except Exception as error:  # noqa: BLE001 - a provider of credentials may raise anything
            raise NotifyUnavailable(f"AWS: {error}: see `access`") from None
        return dict(request.headers.items())

    def refused(self) -> None:
        """Resolve credentials anew: the service did not take the last ones."""
        if self._shown is not None:
            self._account.refused(self._shown)

    def renew(self) -> None:
        """Resolve credentials anew at the next request, whatever became of the last."""
        self._account.renew()
