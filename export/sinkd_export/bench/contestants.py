"""Load the models of a timing run: Transformers folders in PyTorch, exported folders in onnxruntime."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sinkd_export.bench.records import ModelRecord
from sinkd_export.report import REPORT_NAME
from sinkd_export.session import open_classifier
from sinkd_export.source import load_config, load_model, local_folder, position_limit, weight_files
from sinkd_export.specs import Runner
from sinkd_export.torch_runner import TorchClassifier
from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import read_json, sha256


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A loaded model.

    Args:
        record: What the report says of it.
        folder: Where it lies.
        runner: Computes its logits.
        max_length: Most tokens of one row.
        vocabulary: Number of token ids it knows.
    """

    record: ModelRecord
    folder: Path
    runner: Runner
    max_length: int
    vocabulary: int


def load_contestants(
    references: Sequence[str], threads: int, providers: Sequence[str] = ("cpu",)
) -> tuple[Contestant, ...]:
    """Load every model.

    Args:
        references: Model references or exported folders.
        threads: Threads inside an operator of onnxruntime; torch's are set by the caller.
        providers: Execution providers to open exported folders on, all of them there.

    Raises:
        UserError: If none is given, or one twice.
        ModelReferenceError: If one is no classifier.
        StorageError: If one is damaged.
    """
    if not references or len(set(references)) != len(references):
        raise UserError("Give one or more different models.", received=", ".join(references) or "none")
    names = _names(references)
    return tuple(
        _load(reference, names[reference], threads, provider)
        for reference in references
        for provider in (providers if is_exported(reference) else ("cpu",))
    )


def is_exported(reference: str) -> bool:
    """Whether a reference is a folder that runs in onnxruntime."""
    return (Path(reference) / "model.onnx").is_file()


def _names(references: Sequence[str]) -> dict[str, str]:
    """The last part of each path; the whole of it where two share that."""
    short = {reference: reference.rstrip("/").rpartition("/")[2] or reference for reference in references}
    shared = {name for name in short.values() if list(short.values()).count(name) > 1}
    return {reference: reference if name in shared else name for reference, name in short.items()}


def _load(reference: str, name: str, threads: int, provider: str) -> Contestant:
    folder = local_folder(reference)
    config = load_config(folder)
    exported = (folder / "model.onnx").is_file()
    runner, load_ms = _timed_load(partial(_onnx, folder, threads, provider) if exported else partial(_pytorch, folder))
    files = sorted(folder.glob("model.onnx*")) if exported else weight_files(folder)
    record = ModelRecord(
        name=name if provider == "cpu" else f"{name} ({provider})",
        reference=reference,
        backend="onnxruntime" if exported else "pytorch",
        weights=_weights(folder, files),
        size_bytes=sum(path.stat().st_size for path in files),
        load_ms=load_ms,
    )
    return Contestant(
        record=record,
        folder=folder,
        runner=runner,
        max_length=position_limit(config),
        vocabulary=int(config.vocab_size),
    )


def _timed_load(load: Callable[[], Runner]) -> tuple[Runner, float]:
    """Load twice and time the second: the first pays for imports and for reading the disk."""
    load()
    start = time.perf_counter()
    runner = load()
    return runner, (time.perf_counter() - start) * 1e3


def _onnx(folder: Path, threads: int, provider: str) -> Runner:
    return open_classifier(folder / "model.onnx", threads=threads, provider=provider)


def _pytorch(folder: Path) -> Runner:
    return TorchClassifier(load_model(folder))


def _weights(folder: Path, files: Sequence[Path]) -> dict[str, str]:
    """sha256 of the weights; of an export, those of the model it came from."""
    report = folder / REPORT_NAME
    recorded: dict[str, str] = read_json(report).get("source_weights", {}) if report.is_file() else {}
    return recorded or {path.name: sha256(path) for path in files}
