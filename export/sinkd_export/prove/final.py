"""The last look at a finished folder, opened as its users will open it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sinkd_export.convert.recipe import Precision
from sinkd_export.prove.cases import batches_by_length, tokenised
from sinkd_export.prove.graph import graph_problems
from sinkd_export.prove.parity import Parity
from sinkd_export.prove.proof import Proof
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.tokens import open_tokens
from sinkd_plugin.errors import SinkdError


def token_problems(folder: Path, source: Source, sentences: Sentences) -> list[str]:
    """The ids that the exported tokenizer.json gives must be those the model was trained with."""
    if not (folder / "tokenizer.json").is_file():
        return []
    for as_trained, length in ((False, source.max_length), (True, source.deployed_length)):
        tokens = open_tokens(folder, as_trained=as_trained)
        for batch in batches_by_length(sentences.texts):
            found = tokens.padded(tokens.encode(batch))
            expected = tokenised(source.tokenizer, batch, length)
            wrong = [name for name, values in expected.items() if not np.array_equal(values, found[name])]
            if wrong:
                return [f"tokenizer.json gives other {', '.join(wrong)} than the model's tokenizer"]
    return []


def classifier_parity(
    folder: Path, target: ExportTargetSpec, proof: Proof, precision: Precision, opset: int | None
) -> tuple[Parity | None, list[str]]:
    """Compare a finished classifier, as its target loads it, with PyTorch.

    Args:
        folder: The finished folder.
        target: What it is.
        proof: What PyTorch computes.
        precision: Of the weights it holds.
        opset: Of its graphs, if the exporter made any.

    Returns:
        The parity (``None`` if nothing ran), and everything that is wrong with it.
    """
    graphs = sorted(folder.rglob("*.onnx")) if opset is not None else []
    problems = [found for graph in graphs for found in graph_problems(graph, "classification", opset=opset or 0)]
    if problems:  # whatever a graph of the wrong form computes would only hide why
        return None, problems
    try:
        return proof.compare(target.load(folder), precision)
    except SinkdError as error:
        return None, [str(error)]
