"""What a model says of a whole split: scores of labels, or rows of logits."""

from __future__ import annotations

import torch
from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.console import progress
from sinkd_plugin.specs import Reader
from sinkd_plugin.textbrewer.gathering import gathered
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.training import processes
from sinkd_plugin.training.batches import reading_batches
from sinkd_plugin.training.teacher_rows import TeacherRows, kept_as

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
    model: PreTrainedModel, reader: Reader, examples: Dataset, *, what: str, precision: Precision = "fp32"
) -> TeacherRows:
    """Let the model give the rows of logits that a student learns from.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        reader: The model's.
        examples: An encoded split.
        what: Description for the progress bar.
        precision: ``bf16`` runs the model under autocast.

    Returns:
        The rows on the CPU, in the order of the split.
    """
    model.eval()
    batches = reading_batches(examples, READING_BATCH, processes.rank(), processes.count())
    numbers: list[torch.Tensor] = []
    spoken: list[torch.Tensor] = []
    with progress(what, len(batches)) as meter, reader.attached(model):
        for group in batches:
            batch = {name: value.to(model.device) for name, value in reader.collate(group).items()}
            with autocast(precision, model.device):
                outputs = model(**batch, **reader.forward_arguments)
            rows = reader.adaptor(batch, outputs)["logits"]
            numbers.append(batch["index"].cpu())
            spoken.append(rows.to(kept_as(rows.shape[-1])).cpu())
            meter.advance()
    return _in_order(numbers, spoken, reader, examples)


def _in_order(
    numbers: list[torch.Tensor], spoken: list[torch.Tensor], reader: Reader, examples: Dataset
) -> TeacherRows:
    """The rows of all processes' batches, in the order of the split."""
    counts = reader.row_counts(examples)
    if processes.count() == 1:
        kept = TeacherRows.empty(counts, spoken[0].shape[-1])
        while spoken:  # let go of each batch as it is put in its place
            kept.put(numbers.pop(), spoken.pop())
        return kept
    nothing = torch.empty(0, len(reader.columns), dtype=kept_as(len(reader.columns)))
    own = {"index": torch.cat(numbers) if numbers else torch.empty(0, dtype=torch.long)}
    parts = gathered({**own, "rows": torch.cat(spoken) if spoken else nothing}, processes.meeting_place())
    kept = TeacherRows.empty(counts, max(part["rows"].shape[-1] for part in parts))
    for part in parts:
        if len(part["index"]):
            kept.put(part["index"], part["rows"])
    return kept
