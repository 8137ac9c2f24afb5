"""Every handler begins with its API, the versions that it answers, special values, and what is left out."""

import inspect
import pkgutil
import re
from collections.abc import Callable
from typing import Any

import pytest

from streamwatch.reference.kafka import handlers, wire
from streamwatch.reference.kafka.login import AUTHENTICATE, HANDSHAKE, AuthenticatedClient
from streamwatch.reference.kafka.spec import RELEASES

ANSWERS: dict[int, Callable[..., Any]] = {
    **handlers.HANDLERS,
    HANDSHAKE: AuthenticatedClient.handshake,
    AUTHENTICATE: AuthenticatedClient.authenticate,
}
HEAD = re.compile(
    r"Answer (?P<name>\w+), API (?P<key>\d+): versions? (?P<first>\d+)(?: to (?P<last>\d+))?\.\n"
    r"\nSpecial: (?P<special>.+?)\nLeft out: (?P<left>.+)",
    re.DOTALL,
)
SHARED = {"context"}
"""Modules of the handlers that answer nothing themselves."""


def head(key: int) -> re.Match[str]:
    found = HEAD.fullmatch(inspect.getdoc(ANSWERS[key]) or "")
    assert found is not None, f"{ANSWERS[key].__name__}: its docstring has no head as the others'"
    return found


def listed(key: int) -> list[tuple[int, int]]:
    """Return the versions of an API that brokers list, by release."""
    spans = [wire.offered(release).get(key) for release in RELEASES]
    return [span for span in spans if span is not None]


@pytest.mark.parametrize("key", sorted(ANSWERS))
def test_a_handler_names_its_api(key: int) -> None:
    assert (head(key)["name"], int(head(key)["key"])) == (wire.NAMES[key], key)


@pytest.mark.parametrize("key", sorted(ANSWERS))
def test_a_handler_names_the_versions_that_it_answers(key: int) -> None:
    first, last = min(first for first, _ in listed(key)), max(last for _, last in listed(key))
    answered = (max(first, wire._lowest(key)), last)

    assert (int(head(key)["first"]), int(head(key)["last"] or head(key)["first"])) == answered


@pytest.mark.parametrize("key", sorted(ANSWERS))
def test_versions_that_are_listed_and_not_answered_are_said_to_be_left_out(key: int) -> None:
    first = min(first for first, _ in listed(key))
    is_said = f"versions below {wire._lowest(key)}," in head(key)["left"]

    assert is_said == (first < wire._lowest(key))


def test_every_module_of_handlers_answers_something() -> None:
    modules = {one.name for one in pkgutil.iter_modules(handlers.__path__)} - SHARED

    assert {handler.__module__.rpartition(".")[2] for handler in handlers.HANDLERS.values()} == modules
