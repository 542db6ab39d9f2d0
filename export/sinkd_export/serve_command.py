"""``sinkd serve``."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import note
from sinkd_plugin.options import validate

EXAMPLES = """\b
Examples:
  sinkd serve exported
  sinkd serve exported --host 0.0.0.0 --port 80 --threads 4 --max-batch 64 --max-wait-ms 5
  curl -d '{"texts": ["A warm and funny film."]}' localhost:8000/predict

\b
GET /health/ready   200, or 503 while it stops     GET /metrics   for Prometheus
Refused: 400 no JSON, 408 slow, 413 too large, 422 no text, 429 busy; {"error": {"code": …, "message": …}}.
SIGTERM: answers for --drain-seconds more, then finishes what it accepted and ends.
"""


@click.command("serve", epilog=EXAMPLES)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port; 0 takes a free one.")
@click.option("--file", help="Which graph of DIR, such as onnx/model_quantized.onnx.")
@click.option("--provider", default="cpu", show_default=True, help="onnxruntime's execution provider.")
@click.option("--threads", type=int, help="Threads inside an operator; by default all that are available.")
@click.option("--max-batch", default=32, show_default=True, help="Most texts computed at once; 1: no batching.")
@click.option("--max-wait-ms", default=0.0, show_default=True, help="Longest wait for others while idle.")
@click.option("--max-queue", default=1024, show_default=True, help="Most texts waiting; beyond it: 429.")
@click.option("--max-texts", default=256, show_default=True, help="Most texts in a request; beyond it: 413.")
@click.option("--max-characters", default=20_000, show_default=True, help="Most characters in a text: 413.")
@click.option("--max-body-bytes", default=1 << 20, show_default=True, help="Largest body of a request: 413.")
@click.option("--body-seconds", default=20.0, show_default=True, help="Longest time for a body to arrive: 408.")
@click.option("--drain-seconds", default=1.0, show_default=True, help="Goes on answering so long after SIGTERM.")
def command(folder: Path, file: str | None, provider: str, **given: object) -> None:
    """Answer over HTTP with the student in DIR, a folder made by `sinkd export`.

    Requests that come together are computed together. What waits, and how large it may be, is bounded.
    """
    from sinkd_export.runtime import Student
    from sinkd_export.serve.options import ServeOptions
    from sinkd_export.serve.server import serve

    options = validate(ServeOptions, given)
    student = Student.load(folder, file=file, provider=provider, threads=options.threads)
    serve(student, options, announce=note)
