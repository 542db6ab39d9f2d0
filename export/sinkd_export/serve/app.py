"""The HTTP service: ``/predict``, ``/health``, ``/metrics``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinkd_export.runtime import Student
from sinkd_export.serve.batcher import MicroBatcher
from sinkd_export.serve.body import BoundedBodies
from sinkd_export.serve.labeller import Labeller
from sinkd_export.serve.metrics import Metrics
from sinkd_export.serve.openapi import PREDICT
from sinkd_export.serve.options import ServeOptions
from sinkd_export.serve.question import Question, read_question
from sinkd_export.serve.refusal import RefusalError
from sinkd_export.tokens import Encoded
from sinkd_plugin.errors import DataError
from sinkd_plugin.version import __version__

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Service:
    """A student and everything around it.

    Args:
        student: The student.
        options: The limits.
    """

    def __init__(self, student: Student, options: ServeOptions) -> None:
        self.student = student
        self.options = options
        self.metrics = Metrics()
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="sinkd-tokenize")
        self.draining = False
        self.accepted = 0
        self.answered = 0
        self.batcher = MicroBatcher(
            Labeller(student, self.metrics),
            stretch=student.stretch,
            max_batch=options.max_batch,
            max_wait_seconds=options.max_wait_ms / 1000,
            max_queue=options.max_queue,
        )
        self.metrics.waiting_texts.set_function(lambda: self.batcher.unanswered)

    async def predict(self, request: Request) -> Response:
        """Label the texts of the body."""
        started = time.perf_counter()
        question = read_question(await request.body(), self.options)
        with self.batcher.admitted(len(question.items)):
            encoded = await asyncio.get_running_loop().run_in_executor(self._tokenizing, self._encoded, question)
            predictions = await self.batcher.submit(encoded)
        truncated = [position for position, one in enumerate(encoded) if one.is_cut]
        self.metrics.texts.inc(len(encoded))
        self.metrics.truncated_texts.inc(len(truncated))
        self.metrics.request_seconds.observe(time.perf_counter() - started)
        return JSONResponse({"predictions": predictions, "truncated": truncated})

    def _encoded(self, question: Question) -> list[Encoded]:
        encoded = self.student.encode(question.items)
        if not question.truncation:
            self.student.refuse_long(encoded)
        return encoded

    async def live(self) -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    async def ready(self) -> Response:
        """New requests are welcome: 200, or 503 once the server has been told to stop."""
        status = "stopping" if self.draining else "ready"
        described = {
            "status": status,
            "labels": list(self.student.labels),
            "max_length": self.student.tokens.max_length,
            "waiting_texts": self.batcher.unanswered,
            "version": __version__,
        }
        return JSONResponse(described, 503 if self.draining else 200)

    async def prometheus(self) -> Response:
        """Counters and latencies."""
        return Response(self.metrics.page(), media_type=PROMETHEUS)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Batches are computed while the server runs."""
        running = asyncio.create_task(self.batcher.run())
        yield
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def make_app(service: Service) -> FastAPI:
    """The service as an ASGI application."""
    # the interactive pages would load their scripts from other people's servers
    app = FastAPI(title="sinkd", version=__version__, docs_url=None, redoc_url=None, lifespan=service.lifespan)
    app.add_api_route("/predict", service.predict, methods=["POST"], openapi_extra=PREDICT)
    app.add_api_route("/health", service.ready, methods=["GET"])
    app.add_api_route("/health/live", service.live, methods=["GET"])
    app.add_api_route("/health/ready", service.ready, methods=["GET"])
    app.add_api_route("/metrics", service.prometheus, methods=["GET"])
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(DataError, _bad_text)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(BoundedBodies, options=service.options)
    app.add_middleware(Watched, service=service)
    return app


class Watched:
    """ASGI middleware that counts requests to ``/predict``, and ends connections once the server is stopping."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and look at its answer as it leaves."""
        is_predict = scope["type"] == "http" and scope["path"] == "/predict"
        self._service.accepted += is_predict

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                if is_predict:
                    self._service.metrics.requests.labels(str(message["status"])).inc()
                if self._service.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)
            self._service.answered += is_predict and _is_last(message)

        await self._app(scope, receive, watching)


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


async def _refused(_request: Request, error: Any) -> Response:
    return error.response()  # type: ignore[no-any-return]


async def _bad_text(_request: Request, error: Exception) -> Response:
    return RefusalError(422, "bad_text", str(error)).response()


async def _no_such_page(_request: Request, error: Any) -> Response:
    code = {404: "no_such_path", 405: "wrong_method"}.get(error.status_code, "refused")
    message = f"{error.detail}. Texts go to POST /predict."
    return RefusalError(error.status_code, code, message, error.headers).response()


async def _failed(_request: Request, _error: Exception) -> Response:
    return RefusalError(500, "failed", "The texts could not be labelled; the server's log says why.").response()
