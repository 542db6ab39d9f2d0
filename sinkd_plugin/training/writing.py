"""Let a model write for every example of a split, and tell how likely it finds what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from sinkd_plugin.console import progress
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.sequence.measures import risk
from sinkd_plugin.sequence.samples import Samples
from sinkd_plugin.specs import Decoding, Reader, Writer
from sinkd_plugin.textbrewer.gathering import gathered
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.training import processes
from sinkd_plugin.training.batches import reading_batches
from sinkd_plugin.training.predict import READING_BATCH

Tokens = Sequence[int]


def writer_of(reader: Reader) -> Writer:
    """The reader of a family that writes.

    Raises:
        ConfigError: If it is another family's.
    """
    if not hasattr(reader, "write"):
        raise ConfigError(
            "A text can be written only by a generative model.",
            received="a model with a classification head",
            cure="Choose an encoder-decoder or a decoder, such as T5 or GPT-2.",
        )
    return cast("Writer", reader)


@torch.no_grad()
def write_split(
    model: PreTrainedModel,
    writer: Writer,
    examples: Dataset,
    decoding: Decoding,
    *,
    seed: int,
    what: str,
    precision: Precision = "fp32",
) -> list[list[list[int]]]:
    """What a model writes; several processes share the batches out, and write what one would.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        writer: Its reader.
        examples: An encoded split.
        decoding: How it writes.
        seed: Of the tokens that are drawn; what else is drawn does not depend on it, nor it on that.
        what: Description for the progress bar.
        precision: ``bf16`` runs the model under autocast.

    Returns:
        ``decoding.per_example`` sequences of tokens for each example, in the order of the split.
    """
    model.eval()
    batches = reading_batches(examples, READING_BATCH)
    own = range(processes.rank(), len(batches), processes.count())
    found: dict[int, list[list[int]]] = {}
    with progress(what, len(own)) as meter, autocast(precision, model.device):
        for number, batch in enumerate(batches):
            if number in own:
                with _drawing(seed, number, model.device):
                    written = writer.write(model, batch, decoding)
                for place, example in enumerate(batch):
                    start = place * decoding.per_example
                    found[example["index"]] = written[start : start + decoding.per_example]
                meter.advance()
    everything = _of_all_processes(found, decoding.per_example)
    return [everything[index] for index in range(len(examples))]


@contextmanager
def _drawing(seed: int, batch: int, device: torch.device) -> Iterator[None]:
    """Draw what belongs to one batch, and let others go on as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence((seed, batch)).generate_state(1)[0]))
        yield


def _of_all_processes(found: dict[int, list[list[int]]], per_example: int) -> dict[int, list[list[int]]]:
    if processes.count() == 1:
        return found
    own = Samples.of(list(found.values()))
    parts = gathered(
        {"index": torch.tensor(list(found), dtype=torch.long), "tokens": own.tokens, "lengths": own.starts.diff()},
        processes.meeting_place(),
    )
    return {index: each for part in parts for index, each in _unpacked(part, per_example)}


def _unpacked(part: Mapping[str, torch.Tensor], per_example: int) -> Iterator[tuple[int, list[list[int]]]]:
    starts = torch.nn.functional.pad(part["lengths"].cumsum(0), (1, 0))
    samples = Samples(tokens=part["tokens"], starts=starts, per_example=per_example)
    for place, index in enumerate(part["index"].tolist()):
        yield index, samples.all_of(place)


@torch.no_grad()
def risk_of(
    model: PreTrainedModel, writer: Writer, examples: Dataset, written: Sequence[Tokens], *, what: str
) -> float:
    """The negative log-likelihood a token, in nats, that a model gives to one sequence for each example.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        writer: Its reader.
        examples: An encoded split.
        written: A sequence of tokens for each example, in the order of the split; none is empty.
        what: Description for the progress bar.
    """
    model.eval()
    answered = examples.remove_columns("answer").add_column("answer", [list(one) for one in written])
    batches = reading_batches(answered, READING_BATCH, processes.rank(), processes.count())
    total = torch.zeros(1, dtype=torch.float64)
    with progress(what, len(batches)) as meter, writer.attached(model):
        for batch in batches:
            losses, mask = _losses(model, writer, batch)
            total += float(risk(losses, mask)) * len(batch)
            meter.advance()
    parts = [{"total": total}] if processes.count() == 1 else gathered({"total": total}, processes.meeting_place())
    return float(sum(part["total"].item() for part in parts)) / len(examples)


def _losses(
    model: PreTrainedModel, writer: Writer, examples: Sequence[Mapping[str, Any]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The negative log-likelihood of each token ``(n, steps)``, and which there are."""
    batch = {name: value.to(model.device) for name, value in writer.collate(examples).items()}
    read = writer.adaptor(batch, model(**batch, **writer.forward_arguments))
    chosen = torch.log_softmax(read["logits"].float(), -1).gather(-1, read["labels"].unsqueeze(-1)).squeeze(-1)
    lengths = [len(example["answer"]) for example in examples]
    mask = pad_sequence([torch.ones(length, device=chosen.device) for length in lengths], batch_first=True)
    return pad_sequence(list(torch.split(-chosen, lengths)), batch_first=True), mask
