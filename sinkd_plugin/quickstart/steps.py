"""The commands that the quickstart is made of, as a user would type them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sinkd_plugin.references import sha256
from sinkd_plugin.storage import read_json

EXPORT_FOLDER = "onnx"
EXPORT_REPORT = "export.json"
BENCH_REPORT = "bench.json"

FULL = (
    "data.max_train_samples=null",
    "teacher.finetune.epochs=3",
    "optimizer.epochs=5",
    "training.output_dir=runs/quickstart-full",
)
"""What ``--full`` changes: every training example and more epochs, in a folder of its own."""


def configuration_file() -> Path:
    """``quickstart.yaml``: inside the installed package, or in ``examples/`` of a source tree."""
    packaged = Path(__file__).parent / "quickstart.yaml"
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "examples" / "quickstart.yaml"


def distill_words(configuration: Path, changes: Sequence[str]) -> list[str]:
    """``sinkd distill``."""
    return ["distill", str(configuration), *(word for change in changes for word in ("--set", change))]


def export_words(folder: Path) -> list[str]:
    """``sinkd export`` of the student."""
    return ["export", str(folder / "student"), "--to", str(folder / EXPORT_FOLDER), "--force"]


def bench_words(folder: Path) -> list[str]:
    """``sinkd bench``: the teacher, the student, and the student in onnxruntime."""
    models = (str(folder / name) for name in ("teacher", "student", EXPORT_FOLDER))
    return ["bench", *models, "--output", str(folder / BENCH_REPORT)]


def later_steps(folder: Path) -> Iterator[list[str]]:
    """What is still to do once the student is there; a student that was exported before is not exported again."""
    if not _is_exported(folder):
        yield export_words(folder)
    yield bench_words(folder)


def _is_exported(folder: Path) -> bool:
    report = folder / EXPORT_FOLDER / EXPORT_REPORT
    if not report.is_file():
        return False
    weights = read_json(report).get("source_weights", {})
    return bool(weights) and all(
        (folder / "student" / name).is_file() and sha256(folder / "student" / name) == expected
        for name, expected in weights.items()
    )
