"""Which graph of an exported folder is run: at its root, or in ``onnx/`` where browsers look for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from sinkd_plugin.errors import ModelReferenceError, UserError

PLACES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
"""Where a graph may lie, the first that is there being the one that is run unless another is asked for."""

SUFFIXES: Mapping[str, str] = {"fp32": "", "fp16": "_fp16", "int8": "_quantized"}
"""What transformers.js appends to a graph's name for each precision."""

COMPANIONS = ("tokenizer.json", "tokenizer_config.json", "config.json")
"""What every exported folder holds beside its graphs."""


def graph_file(folder: Path, file: str | Path | None = None) -> Path:
    """The graph to run.

    Args:
        folder: An exported folder.
        file: The graph's path inside it; by default the first of ``PLACES``.

    Raises:
        ModelReferenceError: If there is none, or a companion is missing.
        UserError: If ``file`` leads out of the folder.
    """
    candidates = PLACES if file is None else (_inside(file),)
    try:
        return _first(folder, candidates)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ModelReferenceError(
            "An exported student must be a folder that can be read.",
            received=f"'{folder}' ({error.strerror})",
            cure="Check its name and its permissions.",
        ) from error


def _first(folder: Path, candidates: Sequence[str]) -> Path:
    found = [folder / name for name in candidates if (folder / name).is_file()]
    if not found and candidates == PLACES:
        _refuse_triton(folder)
    missing = [name for name in (*(() if found else candidates[:1]), *COMPANIONS) if not (folder / name).is_file()]
    if missing:
        raise ModelReferenceError(
            f"An exported student must hold {', '.join((candidates[0], *COMPANIONS))}.",
            received=f"'{folder}' without {', '.join(missing)}{_other_graphs(folder)}",
            cure="Make one with `sinkd export MODEL --to DIR`.",
        )
    return found[0]


def _inside(file: object) -> str:
    """A graph of another folder would answer with the labels and the tokenizer of this one."""
    path = PurePath(file) if isinstance(file, (str, PurePath)) else PurePath()
    if not path.name or path.anchor or ".." in path.parts:
        raise UserError(
            "file must be a path inside the exported folder, such as onnx/model.onnx.",
            received=repr(file),
            cure="To run a graph of another folder, load that folder.",
        )
    return path.as_posix()


def _refuse_triton(folder: Path) -> None:
    if any(folder.glob("*/config.pbtxt")):
        raise ModelReferenceError(
            "A Triton model repository is served by tritonserver, and not loaded here.",
            received=f"'{folder}'",
            cure="To load the student here, export it once more with --target onnx.",
        )


def _other_graphs(folder: Path) -> str:
    graphs = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*.onnx"))
    return f" (its graphs: {', '.join(graphs)})" if graphs else ""
