"""Requests that are not of boto3's own clients, signed as AWS wants them (Signature Version 4)."""

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from streamwatch.clock import Clock
from streamwatch.errors import NotifyUnavailable
from streamwatch.sources.aws.config import Access
from streamwatch.sources.aws.session import Account


class Signer:
    """Signs POST requests for a service in a region."""

    def __init__(self, access: Access, service: str, region: str, clock: Clock) -> None:
        self._account = Account(access, clock)
        self._service, self._region = service, region

    def sign(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers with a signature of all that is sent.

        Raises:
            NotifyUnavailable: there are no credentials now.

        """
        try:
            credentials = self._account.credentials(self._region)
            request = AWSRequest("POST", url, data=body, headers=dict(headers))
            SigV4Auth(credentials, self._service, self._region).add_auth(request)
        except Exception as error:  # a provider of credentials may raise anything
            raise NotifyUnavailable(f"AWS credentials: {error}: see `access`") from error
        return dict(request.headers.items())
