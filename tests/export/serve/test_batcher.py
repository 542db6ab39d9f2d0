"""Batches: near lengths, the oldest text always among them, a fault only its own text's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from sinkd_export.runtime import Prediction, Student
from sinkd_export.serve.batcher import MicroBatcher
from sinkd_export.serve.labeller import Labeller
from sinkd_export.serve.metrics import Metrics
from sinkd_export.serve.refusal import RefusalError
from sinkd_export.tokens import Encoded
from sinkd_plugin.errors import DataError


def text(length: int) -> Encoded:
    return Encoded(ids=[7] * length, type_ids=[0] * length, length=length)


class Slow:
    """Answers with the lengths of a batch, and takes the first batch only when told that all texts are there."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, texts: Sequence[Encoded]) -> list[Prediction | Exception]:
        self.go.wait(30)
        self.batches.append([len(one.ids) for one in texts])
        return [{"label": str(len(one.ids)), "scores": {}} for one in texts]


def batched(lengths: Sequence[int], *, max_batch: int = 4, stretch: float = 1.25) -> tuple[list[str], list[list[int]]]:
    """Labels in the order of the texts, and the batches behind the first, for which all others have waited."""

    async def run() -> tuple[list[str], list[list[int]]]:
        slow = Slow()
        batcher = MicroBatcher(slow, stretch=stretch, max_batch=max_batch, max_wait_seconds=0, max_queue=1000)
        running = asyncio.create_task(batcher.run())
        first = asyncio.create_task(batcher.submit([text(1)]))
        await asyncio.sleep(0.05)
        others = asyncio.create_task(batcher.submit([text(length) for length in lengths]))
        await asyncio.sleep(0.05)
        slow.go.set()
        await first
        answers = [answer["label"] for answer in await others]
        running.cancel()
        return answers, slow.batches[1:]

    return asyncio.run(run())


def test_near_lengths_are_computed_together_and_answered_in_their_places() -> None:
    lengths = [20, 90, 21, 22, 400, 95, 19, 20, 23]
    answers, batches = batched(lengths)
    assert answers == [str(length) for length in lengths]
    assert batches == [[20, 21, 22, 19], [90, 95], [400], [20], [23]]


def test_no_text_waits_for_ever_behind_better_company() -> None:
    _, batches = batched([300, *[20] * 40])
    assert batches[0] == [300]


def test_without_a_stretch_batches_are_those_that_came() -> None:
    _, batches = batched([300, 20, 21, 400, 5], stretch=float("inf"))
    assert batches == [[300, 20, 21, 400], [5]]


def test_places_are_given_back_however_it_ends() -> None:
    async def run() -> None:
        batcher = MicroBatcher(Slow(), stretch=2, max_batch=4, max_wait_seconds=0, max_queue=5)

        def one_too_many() -> None:
            with batcher.admitted(5), batcher.admitted(1):
                raise AssertionError("it was let in")

        with pytest.raises(RefusalError, match="5 texts are waiting, and at most 5 may"):
            one_too_many()
        assert batcher.unanswered == 0

    asyncio.run(run())


def test_a_batch_that_breaks_answers_everybody_with_the_error_and_the_next_one_is_computed() -> None:
    async def run() -> None:
        broken = [True]

        def compute(texts: Sequence[Encoded]) -> list[Prediction | Exception]:
            if broken.pop() if broken else False:
                raise MemoryError("too much")
            return [{"label": "fine", "scores": {}} for _ in texts]

        batcher = MicroBatcher(compute, stretch=2, max_batch=4, max_wait_seconds=0, max_queue=5)
        running = asyncio.create_task(batcher.run())
        with pytest.raises(MemoryError, match="too much"):
            await batcher.submit([text(3), text(3)])
        assert await batcher.submit([text(3)]) == [{"label": "fine", "scores": {}}]
        running.cancel()

    asyncio.run(run())


def test_one_bad_text_spoils_no_other(student: Student) -> None:
    """An id that the graph has no row for makes onnxruntime refuse the whole batch."""
    good, bad = text(3), Encoded(ids=[10**6] * 3, type_ids=[0] * 3, length=3)
    negative = Encoded(ids=[-100] * 3, type_ids=[0] * 3, length=3)
    answers = Labeller(student, Metrics())([good, bad, good, negative])
    assert answers[0] == answers[2] == student.classify([good], batch_size=1)[0]
    assert isinstance(answers[1], Exception)
    assert isinstance(answers[3], DataError)
