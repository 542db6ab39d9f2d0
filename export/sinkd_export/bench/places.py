"""Where a model that is to be timed lies: a Transformers folder, an exported folder, or one graph of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sinkd_export.destination import REPORT_NAME
from sinkd_export.families import Form, family_of
from sinkd_export.graph_file import PLACES, SUFFIXES, graph_file
from sinkd_export.model_folder import load_config, local_folder
from sinkd_export.triton import GRAPH
from sinkd_plugin.errors import ModelReferenceError, UserError
from sinkd_plugin.storage import read_json

FORMS: tuple[Form, ...] = get_args(Form)
PRECISIONS = (*SUFFIXES, None)


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
    if reference.endswith(".onnx") and not Path(reference).is_dir():
        return _one_graph(Path(reference))
    folder = local_folder(reference)
    record = export_record(folder)
    graph = next((folder / name for name in (*PLACES, GRAPH) if (folder / name).is_file()), None)
    exported = is_exported(folder)
    generates = _generates(folder, record)
    graph = graph if exported else None
    if exported and not generates:
        graph = graph or graph_file(folder)
    return Place(
        folder=folder,
        graph=None if generates else graph,
        exported=exported,
        generates=generates,
        form=_form(folder, graph, record) if exported else None,
    )


def is_exported(folder: Path) -> bool:
    """Whether a folder runs in onnxruntime alone; one with weights for PyTorch too is a model, as for the exporter."""
    if any(folder.glob("*.safetensors")):
        return False
    return any((*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx"))) or (folder / GRAPH).is_file()


def export_record(folder: Path) -> Mapping[str, Any]:
    """What the exporter wrote of a folder; nothing where it did not make it.

    Raises:
        ModelReferenceError: If it is no such record.
    """
    path = folder / REPORT_NAME
    if not path.is_file():
        return {}
    record = read_json(path)
    if isinstance(record, dict) and record.get("form") in FORMS and record.get("precision") in PRECISIONS:
        return record
    raise ModelReferenceError(
        f"'{path}' must be the exporter's record: a form and a precision at least.",
        received="something else",
        cure="Export the model again.",
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
    record = export_record(folder)
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


def _generates(folder: Path, record: Mapping[str, Any]) -> bool:
    if record:
        return record.get("form") == "generation"
    return family_of(load_config(folder)) in ("encoder_decoder", "decoder")


def _form(folder: Path, graph: Path | None, record: Mapping[str, Any]) -> str:
    """Of graphs side by side the name tells the precision, as transformers.js has it; of one graph the record."""
    if (folder / "onnx").is_dir():
        stem = "" if graph is None else graph.stem
        return next((form for form, suffix in SUFFIXES.items() if suffix and stem.endswith(suffix)), "fp32")
    return str(record.get("precision") or "fp32")
