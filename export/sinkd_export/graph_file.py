"""Which graph of an exported folder is run: at its root, or in ``onnx/`` where browsers look for it."""

from __future__ import annotations

from pathlib import Path

from sinkd_plugin.errors import ModelReferenceError

PLACES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
"""Where a graph may lie, the first that is there being the one that is run unless another is asked for."""

COMPANIONS = ("tokenizer.json", "tokenizer_config.json", "config.json")
"""What every exported folder holds beside its graphs."""


def graph_file(folder: Path, file: str | None = None) -> Path:
    """The graph to run.

    Args:
        folder: An exported folder.
        file: The graph's path inside it; by default the first of ``PLACES``.

    Raises:
        ModelReferenceError: If there is none, or a companion is missing.
    """
    candidates = PLACES if file is None else (file,)
    found = [folder / name for name in candidates if (folder / name).is_file()]
    missing = [name for name in (*(() if found else candidates[:1]), *COMPANIONS) if not (folder / name).is_file()]
    if missing:
        raise ModelReferenceError(
            f"An exported student must hold {', '.join((candidates[0], *COMPANIONS))}.",
            received=f"'{folder}' without {', '.join(missing)}{_other_graphs(folder)}",
            cure="Make one with `sinkd export MODEL --to DIR`.",
        )
    return found[0]


def _other_graphs(folder: Path) -> str:
    graphs = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*.onnx"))
    return f" (its graphs: {', '.join(graphs)})" if graphs else ""
