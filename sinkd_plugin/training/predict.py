"""What a model says of a whole split: scores of labels, or rows of logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.console import progress
from sinkd_plugin.specs import Reader
from sinkd_plugin.textbrewer.gathering import gathered
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.training import processes
from sinkd_plugin.training.batches import reading_batches
from sinkd_plugin.training.teacher_rows import WHOLE_ROWS, RowForm, TeacherRows

READING_BATCH = 64


@torch.inference_mode()
def predict_scores(model: PreTrainedModel, reader: Reader, examples: Dataset, *, what: str) -> torch.Tensor:
    """Let the model score every label for every example.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        reader: The model's.
        examples: An encoded split.
        what: Description for the progress bar.

    Returns:
        ``(examples, labels)`` float32 on the CPU, in the order of the split.
    """
    model.eval()
    batches = reading_batches(examples, READING_BATCH, processes.rank(), processes.count())
    numbers: list[int] = []
    scores: list[torch.Tensor] = []
    with progress(what, len(batches)) as meter:
        for batch in batches:
            numbers.extend(example["index"] for example in batch)
            scores.append(reader.class_scores(model, batch).float().cpu())
            meter.advance()
    rows = torch.cat(scores) if scores else torch.empty(0, len(reader.columns))
    own = {"index": torch.tensor(numbers, dtype=torch.long), "scores": rows}
    parts = [own] if processes.count() == 1 else gathered(own, processes.meeting_place())
    index = torch.cat([part["index"] for part in parts])
    return torch.cat([part["scores"] for part in parts])[index.argsort()]


@torch.inference_mode()
def predict_rows(
    model: PreTrainedModel,
    reader: Reader,
    examples: Dataset,
    *,
    what: str,
    precision: Precision = "fp32",
    form: RowForm = WHOLE_ROWS,
) -> TeacherRows:
    """Let the model give the rows of logits that a student learns from.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        reader: The model's.
        examples: An encoded split.
        what: Description for the progress bar.
        precision: ``bf16`` runs the model under autocast.
        form: What of a row is kept.

    Returns:
        The rows on the CPU, in the order of the split.
    """
    model.eval()
    batches = reading_batches(examples, READING_BATCH, processes.rank(), processes.count())
    spoken: list[dict[str, torch.Tensor]] = []
    columns = len(reader.columns)
    with progress(what, len(batches)) as meter, reader.attached(model):
        for group in batches:
            batch = {name: value.to(model.device) for name, value in reader.collate(group).items()}
            with autocast(precision, model.device):
                outputs = model(**batch, **reader.forward_arguments)
            rows = reader.adaptor(batch, outputs)["logits"]
            columns = rows.shape[-1]  # a vocabulary that is padded has more than the tokenizer
            kept = {name: tensor.cpu() for name, tensor in form.kept(rows).items()}
            spoken.append({"index": batch["index"].cpu(), **kept})
            meter.advance()
    return _in_order(spoken or [_nothing(form, columns)], columns, reader.row_counts(examples))


def _nothing(form: RowForm, columns: int) -> dict[str, torch.Tensor]:
    """What a process without an example has heard."""
    return {"index": torch.empty(0, dtype=torch.long), **form.kept(torch.empty(0, columns))}


def _in_order(spoken: list[dict[str, torch.Tensor]], columns: int, counts: Sequence[int]) -> TeacherRows:
    """The rows of all processes' batches, in the order of the split."""
    if processes.count() > 1:
        own = {name: torch.cat([part[name] for part in spoken]) for name in spoken[0]}
        parts = gathered({**own, "columns": torch.tensor([columns])}, processes.meeting_place())
        columns = max(int(part.pop("columns")) for part in parts)
        spoken = [part for part in parts if len(part["index"])]
    like = {name: tensor for name, tensor in spoken[0].items() if name != "index"}
    rows = TeacherRows.empty(counts, like, columns)
    while spoken:  # let go of each batch as it is put in its place
        part = spoken.pop()
        rows.put(part["index"], part)
    return rows
