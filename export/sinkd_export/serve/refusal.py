"""Requests that are not answered with predictions, and the one form in which clients are told."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse

LONGEST_MESSAGE = 500
"""A message quotes what was received; no client needs a book of it back."""


class RefusalError(Exception):
    """A request is refused.

    Args:
        status: HTTP status.
        code: What programs look at, such as ``queue_full``.
        message: What people read.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """``{"error": {"code": …, "message": …}}``."""
        message = str(self)[:LONGEST_MESSAGE]
        return JSONResponse({"error": {"code": self.code, "message": message}}, self.status, self.headers)


def busy(message: str) -> RefusalError:
    """Too much work at once: 429, to be tried again in a second."""
    return RefusalError(429, "busy", message, {"Retry-After": "1"})
