"""A signal ends what runs, whatever it interrupts."""

import os
import signal
import threading

import pytest

from streamwatch.reference.signals import set_by_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_event_also_within_a_wait_for_it(number: signal.Signals) -> None:
    before, ended = signal.getsignal(number), threading.Event()
    with set_by_signals(ended):
        with ended._cond:  # type: ignore[attr-defined]  # where wait() is when it is interrupted
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) != before
        assert ended.wait(180)
    assert signal.getsignal(number) == before
    assert "signals" not in {thread.name for thread in threading.enumerate()}


def test_another_signal_ends_nothing() -> None:
    ended = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with set_by_signals(ended):
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR1)
        assert not ended.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
