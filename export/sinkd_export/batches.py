"""Which texts are computed together: those of about one length, because a processor computes padding too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

STRETCH = 1.25
"""Longest over shortest text of a batch. Without it, 32 reviews computed together take longer than one by one
(``padding`` in export/results/serve.json)."""


def by_length(lengths: Sequence[int], *, batch_size: int, stretch: float = STRETCH) -> Iterator[list[int]]:
    """Positions in batches, the shortest texts first.

    Args:
        lengths: Tokens of each text.
        batch_size: Most texts in a batch.
        stretch: How many times as long as its shortest the longest text of a batch may be.

    Yields:
        Positions in ``lengths``, each exactly once.

    Example:
        >>> list(by_length([10, 30, 11, 31, 12], batch_size=32))
        [[0, 2, 4], [1, 3]]
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == batch_size or lengths[position] > stretch * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
