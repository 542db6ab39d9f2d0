"""The models of a timing run, loaded: those that turn out not to run are set aside with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinkd_export.bench.engines import Engine, open_engine
from sinkd_export.bench.entries import Entry
from sinkd_export.bench.footprint import Job, footprint
from sinkd_export.bench.forms import COMPILED, REPLAYED
from sinkd_export.bench.options import BenchOptions
from sinkd_export.bench.places import export_record
from sinkd_export.bench.records import ModelRecord, Unavailable
from sinkd_export.model_folder import weight_files, weights_digest
from sinkd_plugin.console import progress
from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import sha256


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A loaded model.

    Args:
        entry: What it is.
        record: What the report says of it.
        engine: Computes and prepares calls.
    """

    entry: Entry
    record: ModelRecord
    engine: Engine

    @property
    def name(self) -> str:
        """Its name in the report."""
        return self.record.name


def load_contestants(
    entries: Sequence[Entry], options: BenchOptions
) -> tuple[tuple[Contestant, ...], tuple[Unavailable, ...]]:
    """Load every model; those that cannot be compiled or recorded are told apart.

    Args:
        entries: What to load.
        options: Threads, shapes, and whether memory is measured.

    Raises:
        ModelReferenceError: If one is no classifier.
        StorageError: If one is damaged.
    """
    loaded: list[Contestant] = []
    unavailable: list[Unavailable] = []
    with progress("Loading models", total=len(entries)) as meter:
        for entry in entries:
            try:
                loaded.append(_load(entry, options))
            except UserError as error:
                if entry.form not in (COMPILED, REPLAYED):
                    raise
                unavailable.append(Unavailable(model=entry.name, reason=str(error)))
            meter.advance()
    return tuple(loaded), tuple(unavailable)


def _load(entry: Entry, options: BenchOptions) -> Contestant:
    engine = open_engine(
        entry.model,
        entry.graph,
        entry.form,
        entry.provider,
        threads=options.threads,
        new_tokens=options.new_tokens,
        generates=entry.generates,
    )
    record = ModelRecord(
        name=entry.name,
        reference=entry.reference,
        backend="pytorch" if entry.graph is None else "onnxruntime",
        form=entry.form,
        provider=entry.provider,
        weights=_weights(entry),
        size_bytes=sum(path.stat().st_size for path in _files(entry)),
        footprint=footprint(_job(entry, options)) if options.memory else None,
    )
    return Contestant(entry=entry, record=record, engine=engine)


def _job(entry: Entry, options: BenchOptions) -> Job:
    return Job(
        model=str(entry.model),
        graph=None if entry.graph is None else str(entry.graph),
        form=entry.form,
        provider=entry.provider,
        threads=options.threads,
        new_tokens=options.new_tokens,
        generates=entry.generates,
        shapes=tuple((shape.batch, shape.length) for shape in options.shapes),
    )


def _files(entry: Entry) -> list[Path]:
    graph = entry.graph
    if graph is None:
        return weight_files(entry.model)
    if graph.is_dir():
        return sorted(graph.glob("*.onnx*")) or sorted(graph.glob("onnx/*.onnx*"))
    return sorted(graph.parent.glob(f"{graph.name}*"))


def _weights(entry: Entry) -> dict[str, str]:
    """sha256 of the weights; of an export, those of the model it came from."""
    if not entry.exported:
        return weights_digest(entry.model)
    recorded: dict[str, str] = export_record(entry.model).get("source_weights", {})
    return recorded or {path.name: sha256(path) for path in _files(entry)}
