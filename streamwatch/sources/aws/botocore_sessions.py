"""botocore's sessions: each with credentials of its own, all with one reading of what AWS's services are like.

By itself each session reads that anew: 6 to 11 MB and 0.1 to 0.2 s for the first clients of each account, and again of
each login, with botocore 1.44.
"""

from functools import cache

import botocore.session
from botocore.loaders import Loader, create_loader


def new_session(profile: str | None = None) -> botocore.session.Session:
    """Return a session without credentials.

    Args:
        profile: of the configuration files of AWS.

    Raises:
        ProfileNotFound: there is none of this name.

    """
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    return session


@cache
def _descriptions(search_path: str | None) -> Loader:
    """Return what reads the descriptions of services, each once; it may be used from any thread."""
    return create_loader(search_path)
