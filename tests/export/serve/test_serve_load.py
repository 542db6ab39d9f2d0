"""More than it can take, and an end in the middle of it: whatever was accepted is answered, and answered right."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sinkd_export.runtime import Prediction, Student

TEXTS = [
    ("film " * (1 + number % 7) + "good not ".replace("o", "oO"[number % 2]) * (number % 5)) for number in range(97)
]
ONE_A_BATCH = ("--max-queue", "4", "--max-texts", "4", "--max-batch", "4", "--max-wait-ms", "300")


@pytest.fixture(scope="module")
def expected(student: Student) -> list[Prediction]:
    return student.predict(TEXTS)


class Client:
    """Asks about texts by their number, and remembers how it went."""

    def __init__(self, url: str, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(base_url=url, timeout=120, limits=limits)
        self.statuses: Counter[int] = Counter()
        self.answers: list[tuple[list[int], list[Prediction]]] = []
        self.refusals: list[httpx.Response] = []

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()
        await asyncio.sleep(0.1)  # for the transports to close what they hold before the loop ends

    async def ask(self, numbers: list[int]) -> None:
        answer = await self._http.post("/predict", json={"texts": [TEXTS[number] for number in numbers]})
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            self.answers.append((numbers, answer.json()["predictions"]))
        else:
            self.refusals.append(answer)

    def check(self, expected: list[Prediction], agrees: Callable[[Any, Any], bool]) -> None:
        for numbers, found in self.answers:
            assert agrees(found, [expected[number] for number in numbers])


def numbers_of(request: int, texts: int) -> list[int]:
    return [(request * 31 + text * 7) % len(TEXTS) for text in range(texts)]


def page(server: Any, samples: Callable[[str], dict[str, float]]) -> dict[str, float]:
    return samples(httpx.get(f"{server.url}/metrics", timeout=30).text)


def test_requests_that_come_together_are_computed_together(
    exported: Path,
    start_server: Callable[..., Any],
    expected: list[Prediction],
    agrees: Callable[[Any, Any], bool],
    samples: Callable[[str], dict[str, float]],
) -> None:
    server = start_server(exported, "--max-batch", "16", "--max-wait-ms", "500")

    async def all_at_once() -> Client:
        async with Client(server.url, 16) as client:
            await asyncio.gather(*(client.ask([5]) for _ in range(16)))
            return client

    client = asyncio.run(all_at_once())
    client.check(expected, agrees)
    figures = page(server, samples)
    assert figures["sinkd_batch_texts_sum"] == figures["sinkd_texts_total"] == 16
    assert figures["sinkd_batch_texts_count"] <= 4
    assert server.stop() == "Stopped: 16 of 16 requests answered.\n"


def test_a_request_larger_than_a_batch_is_answered(
    exported: Path, start_server: Callable[..., Any], expected: list[Prediction], agrees: Callable[[Any, Any], bool]
) -> None:
    server = start_server(exported, "--max-batch", "8")

    async def one() -> Client:
        async with Client(server.url, 1) as client:
            await client.ask(list(range(97)))
            return client

    asyncio.run(one()).check(expected, agrees)


def test_what_is_too_much_is_refused_at_once_and_the_rest_is_answered(
    exported: Path,
    start_server: Callable[..., Any],
    expected: list[Prediction],
    agrees: Callable[[Any, Any], bool],
    samples: Callable[[str], dict[str, float]],
) -> None:
    """The queue holds one request, which is computed when it has waited for 0.3 s or is full: most must be refused."""
    server = start_server(exported, *ONE_A_BATCH)

    async def storm() -> Client:
        async with Client(server.url, 64) as client:
            await asyncio.gather(*(client.ask(numbers_of(request, 3)) for request in range(128)))
            return client

    client = asyncio.run(storm())
    assert set(client.statuses) == {200, 429}
    assert client.statuses.total() == 128
    client.check(expected, agrees)
    for refusal in client.refusals:
        assert refusal.headers["Retry-After"] == "1"
        assert refusal.json()["error"]["code"] == "busy"
    figures = page(server, samples)
    assert figures["sinkd_requests_total/200"] == client.statuses[200]
    assert figures["sinkd_requests_total/429"] == client.statuses[429]
    assert figures["sinkd_waiting_texts"] == 0
    assert httpx.post(f"{server.url}/predict", json={"texts": TEXTS[:4]}, timeout=30).status_code == 200


def test_sigterm_under_load_loses_nothing_that_was_accepted(
    exported: Path,
    start_server: Callable[..., Any],
    expected: list[Prediction],
    agrees: Callable[[Any, Any], bool],
) -> None:
    """Each client asks again and again, until nobody listens any more."""
    server = start_server(exported, "--max-wait-ms", "20")
    terminated = asyncio.Event()

    async def ask_until_refused(client: Client, start: int) -> str:
        for request in range(100_000):
            try:
                await client.ask(numbers_of(start + request, 1 + request % 3))
            except httpx.TransportError as error:
                return type(error).__name__ if terminated.is_set() else f"too early: {error}"
            if len(client.answers) == 64:
                server.process.send_signal(signal.SIGTERM)
                terminated.set()
        raise AssertionError("the server did not stop")

    async def load() -> tuple[Client, list[str]]:
        async with Client(server.url, 12) as client:
            return client, await asyncio.gather(*(ask_until_refused(client, 1000 * start) for start in range(12)))

    client, endings = asyncio.run(load())
    assert len(client.answers) > 64
    assert set(client.statuses) == {200}
    client.check(expected, agrees)
    # no connection, or one that ended before a single byte of an answer: the server has not seen these requests
    assert set(endings) <= {"ConnectError", "ReadError", "WriteError", "RemoteProtocolError"}
    _, words = server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    assert words == f"Stopped: {len(client.answers)} of {len(client.answers)} requests answered.\n"


def test_it_says_that_it_is_stopping_while_it_still_answers(exported: Path, start_server: Callable[..., Any]) -> None:
    server = start_server(exported, "--drain-seconds", "3")
    server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while (ready := httpx.get(f"{server.url}/health/ready", timeout=30)).status_code == 200:
        assert time.monotonic() < deadline
    assert ready.status_code == 503
    assert ready.json()["status"] == "stopping"
    answer = httpx.post(f"{server.url}/predict", json={"texts": ["film"]}, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Connection"] == "close"
    server.process.send_signal(signal.SIGTERM)  # a second one waits no longer
    _, words = server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    assert words == "Stopped: 1 of 1 requests answered.\n"


@pytest.mark.slow
def test_a_minute_of_too_much_takes_bounded_memory(
    exported: Path,
    start_server: Callable[..., Any],
    expected: list[Prediction],
    agrees: Callable[[Any, Any], bool],
    samples: Callable[[str], dict[str, float]],
) -> None:
    """Sixty-four clients, long and short requests, garbage and hang-ups among them, for a minute."""
    server = start_server(exported, "--max-queue", "256")
    until = time.monotonic() + 60

    async def keep_asking(client: Client, start: int) -> None:
        request = start
        while time.monotonic() < until:
            request += 1
            await client.ask(numbers_of(request, 1 + request % 64))

    async def disturb() -> None:
        while time.monotonic() < until:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"[" * 400_000)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await asyncio.sleep(0.05)

    async def load() -> Client:
        async with Client(server.url, 64) as client:
            await asyncio.gather(disturb(), *(keep_asking(client, 1000 * start) for start in range(64)))
            return client

    asyncio.run(_warm(server))
    before = page(server, samples)["process_resident_memory_bytes"]
    client = asyncio.run(load())
    after = page(server, samples)
    assert set(client.statuses) == {200, 429}
    client.check(expected, agrees)
    assert after["sinkd_waiting_texts"] == 0
    assert after["process_resident_memory_bytes"] - before < 200e6
    answered = re.fullmatch(r"Stopped: (\d+) of (\d+) requests answered\.\n", server.stop())
    assert answered
    assert int(answered[1]) == client.statuses.total() + 1


async def _warm(server: Any) -> None:
    async with Client(server.url, 1) as client:
        await client.ask(list(range(97)))
