"""Where a model that is to be timed lies: a Transformers folder, an exported folder, or one graph of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinkd_export.destination import REPORT_NAME
from sinkd_export.families import family_of
from sinkd_export.graph_file import PLACES, SUFFIXES, graph_file
from sinkd_export.source import load_config, local_folder
from sinkd_export.triton import GRAPH
from sinkd_plugin.errors import ModelReferenceError, UserError
from sinkd_plugin.storage import read_json


@dataclass(frozen=True, kw_only=True)
class Place:
    """A model on the disk.

    Args:
        folder: Holds its configuration and its tokenizer.
        graph: Of an exported classifier, the graph to run.
        exported: Whether it runs in onnxruntime.
        generates: Whether it writes text.
        form: Of an export: ``fp32``, ``int8`` or ``fp16``.
    """

    folder: Path
    graph: Path | None
    exported: bool
    generates: bool
    form: str | None


def place_of(reference: str) -> Place:
    """Find a model.

    Args:
        reference: A model reference, an exported folder, or the path of a graph in one, such as
            ``exported/onnx/model_quantized.onnx``.

    Raises:
        ModelReferenceError: If there is no such model, or no configuration belongs to the graph.
        UserError: If it is one graph of several that write text together.
    """
    if reference.endswith(".onnx"):
        return _one_graph(Path(reference))
    folder = local_folder(reference)
    record = _record(folder)
    graph = next((folder / name for name in (*PLACES, GRAPH) if (folder / name).is_file()), None)
    exported = graph is not None or any(folder.glob("*.onnx")) or any(folder.glob("onnx/*.onnx"))
    generates = _generates(folder, record)
    if exported and not generates:
        graph = graph or graph_file(folder)
    return Place(
        folder=folder,
        graph=None if generates else graph,
        exported=exported,
        generates=generates,
        form=_form(folder, graph, record) if exported else None,
    )


def names_of(references: Sequence[str]) -> dict[str, str]:
    """The last part of each path, of a graph with its folder; the whole of it where two share that."""
    short = {reference: _short(reference) for reference in references}
    shared = {name for name in short.values() if list(short.values()).count(name) > 1}
    return {reference: reference if name in shared else name for reference, name in short.items()}


def _one_graph(graph: Path) -> Place:
    if not graph.is_file():
        raise ModelReferenceError("A graph to time must be a file.", received=f"'{graph}'")
    folder = next((above for above in list(graph.parents)[:3] if (above / "config.json").is_file()), None)
    if folder is None:
        raise ModelReferenceError(
            "A graph to time must lie in an exported folder.",
            received=f"'{graph}', with no config.json beside or above it",
            cure="Make one with `sinkd export MODEL --to DIR`.",
        )
    record = _record(folder)
    if _generates(folder, record):
        raise UserError(
            "A model that writes text is timed with all of its graphs.",
            received=f"'{graph}'",
            cure=f"Name its folder, '{folder}'.",
        )
    form = _form(folder, graph, record)
    return Place(folder=folder, graph=graph, exported=True, generates=False, form=form)


def _short(reference: str) -> str:
    path = Path(reference)
    return f"{path.parent.name}/{path.name}" if path.suffix == ".onnx" else path.name or reference


def _record(folder: Path) -> dict[str, object]:
    path = folder / REPORT_NAME
    found = read_json(path) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _generates(folder: Path, record: dict[str, object]) -> bool:
    if record:
        return record.get("form") == "generation"
    return family_of(load_config(folder)) in ("encoder_decoder", "decoder")


def _form(folder: Path, graph: Path | None, record: dict[str, object]) -> str:
    """Of graphs side by side the name tells the precision, as transformers.js has it; of one graph the record."""
    if (folder / "onnx").is_dir():
        stem = "" if graph is None else graph.stem
        return next((form for form, suffix in SUFFIXES.items() if suffix and stem.endswith(suffix)), "fp32")
    return str(record.get("precision") or "fp32")
