"""Dynamic micro-batching: what arrives while others are computed, or within a moment, is computed together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from sinkd_export.serve.refusal import busy

JobT = TypeVar("JobT")
AnswerT = TypeVar("AnswerT")

Compute = Callable[[Sequence[JobT]], "Sequence[AnswerT | Exception]"]


@dataclass(frozen=True, kw_only=True)
class _Waiting(Generic[JobT, AnswerT]):
    job: JobT
    size: int
    arrived: float
    answer: asyncio.Future[AnswerT]


class MicroBatcher(Generic[JobT, AnswerT]):
    """Collects jobs and computes them in one thread.

    Args:
        compute: Answers a batch of jobs, with an exception in the place of a job that fails.
        max_batch: Collecting ends at this size.
        max_wait_seconds: Collecting ends when the oldest job has waited so long.
        max_queue: Largest size that may be accepted and unanswered.
    """

    def __init__(
        self, compute: Compute[JobT, AnswerT], *, max_batch: int, max_wait_seconds: float, max_queue: int
    ) -> None:
        self._compute = compute
        self._max_batch = max_batch
        self._max_wait = max_wait_seconds
        self._max_queue = max_queue
        self._jobs: deque[_Waiting[JobT, AnswerT]] = deque()
        self._collected = 0
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sinkd-compute")
        self.unanswered = 0

    async def submit(self, job: JobT, size: int) -> AnswerT:
        """Compute a job together with others.

        Args:
            job: The job.
            size: How much it counts in the batch and in the queue.

        Raises:
            RefusalError: 429, if the queue is full.
            Exception: What ``compute`` put in the job's place.
        """
        if self.unanswered + size > self._max_queue:
            raise busy(f"{self.unanswered} texts are waiting, and at most {self._max_queue} may.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(job=job, size=size, arrived=loop.time(), answer=loop.create_future())
        self.unanswered += size
        self._collected += size
        self._jobs.append(waiting)
        self._arrived.set()
        if self._collected >= self._max_batch:
            self._enough.set()
        try:
            answer: AnswerT = await waiting.answer
        finally:
            self.unanswered -= size
        return answer

    async def run(self) -> None:
        """Compute batch after batch until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                await self._wait_for_others()
                await self._answer(self._take())
        finally:
            self._thread.shutdown(wait=False)

    async def _wait_for_others(self) -> None:
        left = self._jobs[0].arrived + self._max_wait - asyncio.get_running_loop().time()
        if left > 0 and not self._enough.is_set():
            try:
                await asyncio.wait_for(self._enough.wait(), left)
            except asyncio.TimeoutError:
                return

    def _take(self) -> list[_Waiting[JobT, AnswerT]]:
        """The oldest jobs, as long as they fit; one that is larger than a batch goes alone."""
        batch = [self._jobs.popleft()]
        size = batch[0].size
        while self._jobs and size + self._jobs[0].size <= self._max_batch:
            batch.append(self._jobs.popleft())
            size += batch[-1].size
        self._collected -= size
        if not self._jobs:
            self._arrived.clear()
        if self._collected < self._max_batch:
            self._enough.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting[JobT, AnswerT]]) -> None:
        loop, jobs = asyncio.get_running_loop(), [waiting.job for waiting in batch]
        try:
            answers = await loop.run_in_executor(self._thread, self._compute, jobs)
        except Exception as error:  # nobody may wait for ever, and the next batch may be a better one
            answers = [error] * len(batch)
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():  # its client has gone
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
