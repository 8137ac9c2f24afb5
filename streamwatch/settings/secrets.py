"""The secrets of a configuration, wherever they stand in it."""

from dataclasses import fields, is_dataclass

from streamwatch.settings.types import Secret


def secrets_of(settings: object) -> list[Secret]:
    """Return every secret in an object of settings."""
    if isinstance(settings, Secret):
        return [settings]
    if isinstance(settings, tuple):
        return [secret for part in settings for secret in secrets_of(part)]
    if is_dataclass(settings):
        return [secret for field in fields(settings) for secret in secrets_of(getattr(settings, field.name))]
    return []
