"""The matrix products of an entry, whatever it runs in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sinkd_export.bench.entries import Entry
from sinkd_export.bench.flops import Work, total, work_of
from sinkd_export.bench.inputs import Inputs
from sinkd_export.bench.options import Shape
from sinkd_export.bench.products import work_of_graph


def work_of_entry(entry: Entry, batches: Sequence[Inputs], new_tokens: int) -> Work | None:
    """What it multiplies for some batches; ``None`` where that is not known, or on another processor than this.

    Of a classifier's graph it is what the graph computes, because it may leave out what PyTorch does not.

    Args:
        entry: The model in its form.
        batches: The batches.
        new_tokens: What a generative model writes in each.
    """
    if entry.provider != "cpu":
        return None
    if entry.graph is not None and not entry.generates:
        return work_of_graph(entry.graph, batches)
    shapes = Counter(Shape(batch=len(inputs["input_ids"]), length=inputs["input_ids"].shape[1]) for inputs in batches)
    works = [work_of(entry.model, shape, new_tokens) for shape in shapes]
    known = [work for work in works if work is not None]
    return total(zip(known, shapes.values(), strict=True)) if len(known) == len(works) else None
