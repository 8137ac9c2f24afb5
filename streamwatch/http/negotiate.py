"""Content negotiation: what a client accepts, by ``Accept`` and ``Accept-Encoding``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Offer:
    name: str
    parameters: dict[str, str]
    quality: float


def wants_openmetrics(accept: str) -> bool:
    """Say whether OpenMetrics 1.0 is welcome, and no less than plain text."""
    openmetrics = text = 0.0
    for offer in _offers(accept):
        if offer.name == "application/openmetrics-text" and offer.parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, offer.quality)
        elif offer.name == "text/plain":
            text = max(text, offer.quality)
    return openmetrics > 0 and openmetrics >= text


def wants_html(accept: str) -> bool:
    """Say whether HTML is asked for by name, and no less than plain text: a browser does so, and curl does not."""
    html = text = 0.0
    for offer in _offers(accept):
        if offer.name == "text/html":
            html = max(html, offer.quality)
        elif offer.name == "text/plain":
            text = max(text, offer.quality)
    return html > 0 and html >= text


def wants_gzip(accept_encoding: str) -> bool:
    """Say whether gzip is welcome."""
    return any(offer.name == "gzip" and offer.quality > 0 for offer in _offers(accept_encoding))


def _offers(header: str) -> list[_Offer]:
    offers = []
    for item in header.split(","):
        name, *rest = item.split(";")
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
        offers.append(_Offer(name.strip().lower(), parameters, _quality(parameters.get("q", "1"))))
    return offers


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
