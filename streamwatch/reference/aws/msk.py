"""MSK's control plane over a reference cluster: filled in by whoever runs one."""


class Msk:
    """One account's MSK in one region."""

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
