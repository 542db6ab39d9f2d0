"""Prove that an export computes what PyTorch computes, before it gets its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinkd_export.cases import Inputs, batches_by_length, edge_cases, tokenised
from sinkd_export.parity import CaseParity, Parity, compare, parity_problems, summarise
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_export.specs import ExportTargetSpec, Runner
from sinkd_export.tokens import open_tokens
from sinkd_plugin.errors import ModelReferenceError, SinkdError, VerificationError

Logits = NDArray[np.float32]


def verify(folder: Path, source: Source, expected: Runner, target: ExportTargetSpec, sentences: Sentences) -> Parity:
    """Compare an exported folder with the model it came from.

    Args:
        folder: What the target wrote.
        source: The model it came from.
        expected: That model in PyTorch.
        target: The target, with its tolerance.
        sentences: Real sentences.

    Raises:
        VerificationError: If its form or any value is wrong; all failures in one message.
    """
    problems = [*target.inspect(folder), *_token_problems(folder, source, sentences)]
    if problems:
        raise _failed(problems)
    try:
        actual = target.load(folder)
    except SinkdError as error:
        raise _failed([str(error)]) from error
    parity, problems = _compare_all(source, expected, actual, target.tolerance, sentences)
    problems += [] if parity is None else parity_problems(parity)
    if problems or parity is None:
        raise _failed(problems)
    return parity


def _token_problems(folder: Path, source: Source, sentences: Sentences) -> list[str]:
    """The ids that the exported tokenizer.json gives must be those the model was trained with."""
    tokens = open_tokens(folder)
    for batch in batches_by_length(sentences.texts):
        found = tokens.padded(tokens.encode(batch))
        expected = tokenised(source.tokenizer, batch, source.max_length)
        wrong = [name for name, values in expected.items() if not np.array_equal(values, found[name])]
        if wrong:
            return [f"tokenizer.json gives other {', '.join(wrong)} than the model's tokenizer"]
    return []


def _failed(problems: Sequence[str]) -> VerificationError:
    return VerificationError(
        "An export must compute what PyTorch computes.",
        received="; ".join(problems),
        cure="Nothing was written; check the versions of torch, optimum-onnx and onnxruntime.",
    )


def _compare_all(
    source: Source, expected: Runner, actual: Runner, tolerance: float, sentences: Sentences
) -> tuple[Parity | None, list[str]]:
    logits: dict[str, Logits] = {}
    cases: list[CaseParity] = []
    problems: list[str] = []
    for name, batches in _cases(source, sentences):
        reference = np.concatenate([_in_pytorch(expected, batch, source) for batch in batches])
        try:
            found = np.concatenate([actual(batch) for batch in batches])
        except Exception as error:  # a runtime's exceptions are its own; each case must be judged all the same
            problems.append(f"{name}: it does not run ({str(error).splitlines()[0]})")
            continue
        if found.shape != reference.shape:
            problems.append(f"{name}: logits have shape {found.shape}, not {reference.shape}")
            continue
        logits[name] = reference
        cases.append(compare(name, reference, found))
    return (summarise(cases, logits, tolerance) if cases else None), problems


def _in_pytorch(expected: Runner, batch: Inputs, source: Source) -> Logits:
    try:
        return expected(batch)
    except (IndexError, RuntimeError, ValueError) as error:
        raise ModelReferenceError(
            "A model must run on its own tokenizer's ids, up to its maximal length.",
            received=f"'{source.reference}': {str(error).splitlines()[0]}",
            cure="Check that vocab_size and max_position_embeddings fit the tokenizer.",
        ) from error


def _cases(source: Source, sentences: Sentences) -> Iterator[tuple[str, list[Inputs]]]:
    texts, max_length = sentences.texts, source.max_length
    yield "real sentences", [tokenised(source.tokenizer, batch, max_length) for batch in batches_by_length(texts)]
    for name, inputs in edge_cases(source.tokenizer, texts, max_length):
        yield name, [inputs]
