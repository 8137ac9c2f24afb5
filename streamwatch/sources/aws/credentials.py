"""Credentials as a state: resolved when they are needed, dropped when they are of no use, resolved anew.

What AWS's own SDKs do once in a process is done here again and again: a metadata service that comes late, a file that
is rotated, a role that may be assumed only now all end in credentials, without a restart. A backoff spaces attempts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import botocore.session
from botocore.config import Config as BotoConfig
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
    ProcessProvider,
)
from botocore.exceptions import ClientError, CredentialRetrievalError

from streamwatch.core.clock import Clock
from streamwatch.sources.aws.botocore_sessions import new_session
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.errors import NoCredentials, refusal

_FIRST_WAIT_SECONDS: Final = 1.0
_MOST_WAIT_SECONDS: Final = 4.0
"""Shorter than what sources are usually read at: what is back is used by the next read."""
_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 8.0
_ROLE_SESSION: Final = "streamwatch"
_QUOTES: Final = " from container metadata: "
"""botocore's words before what the service of a container answered."""
NO_CREDENTIALS_REMEDY: Final = "give the agent a role, a profile, or an access key (`access` in the configuration)"

Stamp = tuple[tuple[str, tuple[int, int, int] | None], ...]
"""Files by path, with when each was modified, its size and its inode; None where there is none."""


@dataclass(frozen=True, slots=True)
class CredentialSession:
    """A session of botocore's that has credentials, and the provider that they come from."""

    session: botocore.session.Session
    credentials: Credentials
    provider: str
    place: str
    """The region in which STS is asked for them; empty where no role is assumed."""

    def keys(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Return the keys of now; those that renew themselves may raise whatever their provider raises."""
        return self.credentials.get_frozen_credentials()


@dataclass(slots=True)
class _Backoff:
    """Until when nobody is asked again."""

    until: float = float("-inf")
    wait: float = _FIRST_WAIT_SECONDS


class LoginKeeper:
    """Keeps the login of one access. For one thread at a time."""

    def __init__(self, access: AwsAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._login: CredentialSession | None = None
        self._is_doubted = False
        """Whether somebody who was shown it did not take it."""
        self._files: Stamp = ()
        self._why = ""
        self._backoffs: dict[str, _Backoff] = {}
        """By place: an STS that fails in one region says nothing of another's."""

    def login(self, region: str) -> CredentialSession:
        """Return a login whose keys are good as far as can be known here.

        Args:
            region: where STS is asked, if a role is to be assumed.

        Raises:
            NoCredentials: which providers were tried, and what each answered.

        """
        if self._files and _stamp(path for path, _ in self._files) != self._files:
            self.drop()
        place = self._place(region)
        if self._is_doubted and self._may_try(place):
            self._login = None
        if self._login is None:
            self._resolve(region)
        login = self._login
        assert login is not None  # noqa: S101 - resolved, or raised
        try:
            login.keys()
        except Exception as error:  # noqa: BLE001 - a provider is a program, a file or a service of others
            self._login = None
            self._again_later(login.place)
            self._why = f"{login.provider}: {_because(error)}"
            if login.place != place:
                return self.login(region)
            raise self._error() from None  # what it raised may quote a secret
        return login

    def renew(self, refused: CredentialSession, region: str) -> bool:
        """Resolve anew what AWS refused; return whether there are other keys than those now.

        Args:
            refused: what AWS refused.
            region: as in ``login``.

        """
        if self._login is not refused:
            return self._login is not None
        if not self._may_try(self._place(region)):
            return False
        try:
            keys = refused.keys()
            self._login = None
            self._resolve(region)
            if self.login(region).keys() != keys:
                return True
        except NoCredentials:
            return False
        except Exception:  # noqa: BLE001 - as in login
            self._login = None
            return False
        self._login = refused  # its clients may stay: nothing is different
        self._again_later(self._place(region))
        return False

    def refused(self, login: CredentialSession) -> None:
        """Resolve anew what was refused, if nothing else has taken its place, as soon as a backoff lets."""
        self._is_doubted |= self._login is login

    def drop(self) -> None:
        """Resolve anew at the next call, without any wait."""
        self._login = None
        self.answered()

    def answered(self) -> None:
        """AWS took the credentials: a next failure is a first one."""
        self._backoffs.clear()

    def _place(self, region: str) -> str:
        """Return where a call in a region has its credentials from."""
        return region if self._access.role_arn is not None else ""

    def _may_try(self, place: str) -> bool:
        backoff = self._backoffs.get(place)
        return backoff is None or self._clock.monotonic() >= backoff.until

    def _again_later(self, place: str) -> None:
        backoff = self._backoffs.setdefault(place, _Backoff())
        backoff.until = self._clock.monotonic() + backoff.wait
        backoff.wait = min(2 * backoff.wait, _MOST_WAIT_SECONDS)

    def _error(self) -> NoCredentials:
        return NoCredentials(f"no credentials: {self._why}: {NO_CREDENTIALS_REMEDY}")

    def _resolve(self, region: str) -> None:
        place = self._place(region)
        if not self._may_try(place):
            raise self._error()
        try:
            self._find(region)
        finally:
            self._again_later(place)  # from now on: a provider may take seconds to fail

    def _find(self, region: str) -> None:
        tried = _Tried()
        try:
            session = new_session(self._access.profile)
            self._files = _stamp(map(session.get_config_variable, ("credentials_file", "config_file")))
            found = self._base(session, tried)
            if found is not None and self._access.role_arn is not None:
                found = self._assumed(session, found, self._access.role_arn, region)
        except Exception as error:  # noqa: BLE001 - as in login
            self._why = tried.listed(_because(error))
            raise self._error() from None  # as above
        if found is None:
            role = f"the role {self._access.role_arn} needs others to be assumed with, and there are none: "
            self._why = (role if self._access.role_arn else "") + tried.listed()
            raise self._error()
        session._credentials = found  # noqa: SLF001 - as botocore's own chain sets it
        self._login, self._is_doubted = self._session(session, found, region), False

    def _session(self, session: botocore.session.Session, found: Credentials, region: str) -> CredentialSession:
        return CredentialSession(session, found, self._provider(found), self._place(region))

    def _provider(self, found: Credentials) -> str:
        if self._access.role_arn is not None:
            return f"assume-role ({self._access.role_arn})"
        return "access_key_id (configuration)" if found.method == "explicit" else str(found.method)

    def _base(self, session: botocore.session.Session, tried: "_Tried") -> Credentials | None:
        """Return the first credentials that a provider has, in botocore's order."""
        access = self._access
        if access.access_key_id is not None and access.secret_access_key is not None:
            return Credentials(access.access_key_id, access.secret_access_key.reveal(), method="explicit")
        for provider in session.get_component("credential_provider").providers:
            found: Credentials | None = tried.load(provider)
            if found is not None:
                return found
        return None

    def _assumed(
        self, session: botocore.session.Session, source: Credentials, role_arn: str, region: str
    ) -> Credentials:
        """Return credentials of the role, which are renewed before they expire."""
        endpoint = self._access.endpoint_url

        def client(service: str, **options: Any) -> Any:  # noqa: ANN401
            options["config"] = BotoConfig(
                connect_timeout=_CONNECT_SECONDS, read_timeout=_ANSWER_SECONDS, retries={"total_max_attempts": 1}
            )  # who wants credentials waits: what fails is tried again by the next call
            options["region_name"] = region
            return session.create_client(service, endpoint_url=endpoint, **options)

        extra = {"RoleSessionName": _ROLE_SESSION}
        if self._access.external_id is not None:
            extra["ExternalId"] = self._access.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=client, source_credentials=source, role_arn=role_arn, extra_args=extra
        )
        return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")


class _Tried:
    """The providers that were asked for credentials, and what each answered."""

    def __init__(self) -> None:
        self._empty: list[str] = []
        self._answers: list[str] = []

    def load(self, provider: Any) -> Credentials | None:  # noqa: ANN401 - botocore has no types
        """Ask one."""
        name = str(provider.METHOD)
        answers: list[str] = []
        try:
            with_answers = _listened(provider, answers)
            found: Credentials | None = with_answers.load()
        except Exception as error:
            self._answers.append(f"{name}: {_because(error)}")
            raise
        if found is None and answers:
            self._answers.append(f"{name}: {', '.join(dict.fromkeys(answers))}")
        elif found is None:
            self._empty.append(name)
        return found

    def listed(self, otherwise: str = "") -> str:
        """Return all of them in a line; another text where none was asked."""
        nothing = [f"{', '.join(self._empty)}: nothing"] if self._empty else []
        return "; ".join([*nothing, *self._answers]) if self._answers or not otherwise else otherwise


def _listened(provider: Any, answers: list[str]) -> Any:  # noqa: ANN401 - botocore has no types
    """Return the provider; what the metadata service answers it, which botocore keeps to itself, is written down."""
    web = getattr(getattr(provider, "_role_fetcher", None), "_session", None)
    if web is None:
        return provider
    send: Callable[[Any], Any] = web.send

    def listen(request: Any) -> Any:  # noqa: ANN401
        try:
            answer = send(request)
        except Exception as error:
            answers.append(f"{request.method} {request.url}: {_because(error)}")
            raise
        answers.append(f"{request.method} {request.url}: status {answer.status_code}")
        return answer

    web.send = listen
    return provider


def _because(error: Exception) -> str:
    """Return why there are none; what a program or a container's service wrote itself may hold a secret, and is not."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {refusal(error)}"
    if isinstance(error, CredentialRetrievalError) and error.kwargs.get("provider") == ProcessProvider.METHOD:
        return "the program of credential_process failed, or gave no credentials: run it by hand to see why"
    text, quotes, _ = str(error).partition(_QUOTES)
    return text + quotes.rstrip(": ") or type(error).__name__


def _stamp(paths: Iterator[str]) -> Stamp:
    return tuple((path, _of(path)) for path in paths)


def _of(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).expanduser().stat()
    except (OSError, RuntimeError):  # it is not there, or there is no home
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
