"""A server process: listens, announces itself, and stops without losing what it accepted."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn

from sinkd_export.runtime import Student
from sinkd_export.serve.app import Service, make_app
from sinkd_export.serve.options import ServeOptions
from sinkd_plugin.errors import StorageError

BACKLOG = 2048
MAX_CONNECTIONS = 4096
"""Open connections; beyond it the answer is 503 at once. Each costs little: bodies are bounded all together."""


def serve(student: Student, options: ServeOptions, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        student: The student; its first prediction is made before the port opens.
        options: Address and limits.
        announce: Receives a line with the address once requests are welcome, and one at the end.

    Raises:
        StorageError: If the address is taken or not ours.
    """
    student.predict([("warm", "up")] if student.prompt and len(student.prompt.text) == 2 else ["warm up"])
    listening = _listen(options.host, options.port)
    service = Service(student, options)
    config = uvicorn.Config(
        make_app(service),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=options.stop_seconds,
    )
    address = listening.getsockname()
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    on_ready = partial(announce, f"Serving on http://{shown}:{address[1]}")
    DrainingServer(config, service, on_ready).run(sockets=[listening])
    announce(f"Stopped: {service.answered} of {service.accepted} requests answered.")


class DrainingServer(uvicorn.Server):
    """Uvicorn, but after the first signal it goes on for a while, answers "not ready", and closes connections politely.

    A load balancer learns from ``/health/ready``; clients learn from ``Connection: close``. Only then it stops
    listening, and waits for what is still being computed. A second signal ends the while, a third one the waiting.
    """

    def __init__(self, config: uvicorn.Config, service: Service, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._on_ready = on_ready
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, sooner with each signal; the process then ends with 0."""
        self.force_exit = self.should_exit
        self.should_exit = self._service.draining
        self._service.draining = True
        self._stop_at = time.monotonic() + self._service.options.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to stop listening."""
        stop = await super().on_tick(counter)
        return stop or (self._stop_at is not None and time.monotonic() >= self._stop_at)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise StorageError(
            "A server needs a free address of this machine.",
            received=f"{host}:{port} ({error})",
            cure="Choose another --port or --host; --port 0 takes a free one.",
        ) from error
