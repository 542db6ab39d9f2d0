"""What a server may be told."""

from __future__ import annotations

from pydantic import Field, model_validator

from sinkd_plugin.options import Options


class ServeOptions(Options):
    """Options of a server; every queue and every size has a limit, so that its memory has one.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        threads: Threads inside an operator; by default all that are available.
        max_batch: Most texts computed at once; 1 turns batching off.
        max_wait_ms: How long a text waits for others although nothing else is computed, in milliseconds.
        max_queue: Most texts accepted and not yet answered; beyond it the answer is 429.
        max_body_bytes: Largest body of a request; beyond it the answer is 413.
        max_held_bytes: Most bytes of all bodies that are read or being read; beyond it the answer is 429.
        max_texts: Most texts in a request.
        max_characters: Most characters in a text, a pair counted together.
        body_seconds: Longest time for a body to arrive; beyond it the answer is 408.
        drain_seconds: How long new requests are still answered after SIGTERM, while load balancers learn of it.
        stop_seconds: Longest time that accepted requests are given to finish after that.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    threads: int | None = Field(default=None, ge=1)
    max_batch: int = Field(default=32, ge=1)
    max_wait_ms: float = Field(default=0.0, ge=0, le=1000)
    max_queue: int = Field(default=1024, ge=1)
    max_body_bytes: int = Field(default=1 << 20, ge=1)
    max_held_bytes: int = Field(default=64 << 20, ge=1)
    max_texts: int = Field(default=256, ge=1)
    max_characters: int = Field(default=20_000, ge=1)
    body_seconds: float = Field(default=20.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0)
    stop_seconds: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _queue_holds_a_request(self) -> ServeOptions:
        if self.max_texts > self.max_queue:
            raise ValueError(f"max_queue ({self.max_queue}) must be at least max_texts ({self.max_texts})")
        return self
