"""What every node of a graph did in each run, from the record that onnxruntime keeps of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sinkd_export.bench.inputs import Inputs
from sinkd_export.session import Classifier, open_session
from sinkd_plugin.storage import read_json


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A node that has run.

    Args:
        operator: Its type, after the fusions that onnxruntime makes while it loads a graph.
        provider: The execution provider that computed it.
        given: Shapes of its inputs, weights left out.
        made: Shapes of its outputs.
    """

    operator: str
    provider: str
    given: tuple[tuple[int, ...], ...]
    made: tuple[tuple[int, ...], ...]


def profile(graph: Path, provider: str, batches: Sequence[Inputs]) -> list[Ran]:
    """Run a classifier once on each of some batches.

    Args:
        graph: The ``.onnx`` file.
        provider: The provider in small letters.
        batches: What to run it on.
    """
    with TemporaryDirectory(prefix="sinkd-") as folder:
        session = open_session(graph, threads=1, provider=provider, profile=Path(folder) / "run")
        classifier = Classifier(session)
        for inputs in batches:
            classifier(inputs)
        events = read_json(Path(session.end_profiling()))
    return list(_ran(events))


def _ran(events: list[dict[str, Any]]) -> Iterator[Ran]:
    for event in events:
        told = event.get("args", {})
        if event.get("cat") == "Node" and "provider" in told:
            yield Ran(
                operator=told["op_name"],
                provider=told["provider"],
                given=_shapes(told.get("input_type_shape", [])),
                made=_shapes(told.get("output_type_shape", [])),
            )


def _shapes(typed: list[dict[str, list[int]]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(shape) for each in typed for shape in each.values())
