"""SIGTERM and Ctrl-C: a training ends after its step, with its state saved; everything else ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from sinkd_plugin.console import note
from sinkd_plugin.errors import StoppedError


@dataclass
class StopRequest:
    """What signals have asked for.

    Args:
        patient: Whether a training is under way that can save its state after the step.
        number: The signal that has come; 0 if none has.
    """

    patient: bool = False
    number: int = 0


_request = StopRequest()


@contextmanager
def stoppable() -> Iterator[StopRequest]:
    """Answer SIGTERM and SIGINT while it lasts; only the main thread can."""
    _request.patient, _request.number = False, 0
    if threading.current_thread() is not threading.main_thread():
        yield _request
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, _answer) for number in numbers}
    try:
        yield _request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def between_steps() -> Iterator[StopRequest]:
    """A training that asks, after each step, whether it is to stop."""
    _request.patient = True
    try:
        yield _request
    finally:
        _request.patient = False


def _answer(number: int, frame: FrameType | None) -> None:
    if _request.patient and not _request.number:
        _request.number = number
        note(f"{signal.Signals(number).name}: saving after this step (once more to stop at once)")
        return
    raise stopped(number, "nothing that a next call would not make again")


def stopped(number: int, lost: str) -> StoppedError:
    """The error that ends a run on a signal."""
    return StoppedError(
        "The run was stopped.",
        received=f"{signal.Signals(number).name}; lost is {lost}",
        cure="Call the same command again to go on.",
        number=number,
    )


def ignore_signals(_: int) -> None:
    """Let the processes that put batches together leave signals to the one that trains."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
