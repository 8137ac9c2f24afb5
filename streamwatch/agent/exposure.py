"""What of a configuration is open to more people than it need be: allowed, and said where somebody looks."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from streamwatch.agent.config import Config
from streamwatch.settings.secrets import secrets_of

_OTHERS: Final = {
    stat.S_IWOTH: "may be written by everybody on this machine",
    stat.S_IROTH: "may be read by everybody on this machine",
}


def exposures(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is open, and what to do about it."""
    if config.listen.is_open:
        can = "read what the agent knows" + (", and do no more: `reload` is for who is known" * config.listen.reload)
        yield (
            f"listen.address: {config.listen.address} is open: whoever reaches it may {can}",
            "set `listen.basic_auth` or `listen.tls.client_ca_file`, or let a NetworkPolicy or firewall say who does",
        )
    for name in sorted({secret.file for secret in secrets_of(config) if secret.file}):
        with suppress(OSError):  # read a moment ago, and gone
            mode = Path(name).stat().st_mode
            found = next((words for bit, words in _OTHERS.items() if mode & bit), None)
            if found is not None:
                yield f"{name}: it holds a secret and {found}", f"chmod o= {name}"
