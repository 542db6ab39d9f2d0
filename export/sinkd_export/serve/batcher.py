"""Dynamic micro-batching: the text that waits longest is computed together with those of about its length."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sinkd_export.runtime import Prediction
from sinkd_export.serve.refusal import busy
from sinkd_export.tokens import Encoded

Compute = Callable[[Sequence[Encoded]], "Sequence[Prediction | Exception]"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    text: Encoded
    arrived: float
    answer: asyncio.Future[Prediction]


class MicroBatcher:
    """Collects the texts of all requests and computes them in one thread.

    Args:
        compute: Labels a batch, with an exception in the place of a text that fails.
        stretch: How many times as long as its shortest the longest text of a batch may be.
        max_batch: Most texts in a batch.
        max_wait_seconds: How long a text waits for others while nothing else is computed and fewer wait than a batch.
        max_queue: Most texts that may be accepted and unanswered.
    """

    def __init__(
        self, compute: Compute, *, stretch: float, max_batch: int, max_wait_seconds: float, max_queue: int
    ) -> None:
        self._compute = compute
        self._reach = math.sqrt(stretch)
        self._max_batch = max_batch
        self._max_wait = max_wait_seconds
        self._max_queue = max_queue
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sinkd-compute")
        self.unanswered = 0

    @contextlib.contextmanager
    def admitted(self, texts: int) -> Iterator[None]:
        """Hold places in the queue.

        Raises:
            RefusalError: 429, if there are not so many left.
        """
        if self.unanswered + texts > self._max_queue:
            raise busy(f"{self.unanswered} texts are waiting, and at most {self._max_queue} may.")
        self.unanswered += texts
        try:
            yield
        finally:
            self.unanswered -= texts

    async def submit(self, texts: Sequence[Encoded]) -> list[Prediction]:
        """Label texts that have been admitted, each in whatever batch comes first.

        Raises:
            Exception: What ``compute`` put in the place of one of them.
        """
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(text=text, arrived=loop.time(), answer=loop.create_future()) for text in texts]
        self._waiting += waiting
        self._arrived.set()
        if len(self._waiting) >= self._max_batch:
            self._enough.set()
        return list(await asyncio.gather(*(one.answer for one in waiting)))

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
        left = self._waiting[0].arrived + self._max_wait - asyncio.get_running_loop().time()
        if left > 0 and not self._enough.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._enough.wait(), left)

    def _take(self) -> list[_Waiting]:
        """The oldest text, so that none waits for ever, and the oldest of those near its length."""
        length = len(self._waiting[0].text.ids)
        near = (one for one in self._waiting if length / self._reach <= len(one.text.ids) <= length * self._reach)
        batch = [one for one, _ in zip(near, range(self._max_batch), strict=False)]
        taken = set(batch)
        self._waiting = [one for one in self._waiting if one not in taken]
        if not self._waiting:
            self._arrived.clear()
        if len(self._waiting) < self._max_batch:
            self._enough.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        loop, texts = asyncio.get_running_loop(), [one.text for one in batch]
        try:
            answers = await loop.run_in_executor(self._thread, self._compute, texts)
        except Exception as error:  # nobody may wait for ever, and the next batch may be a better one
            answers = [error] * len(batch)
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():  # its client has gone
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
