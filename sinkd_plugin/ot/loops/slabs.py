"""A few rows for each thread: each row is computed as it always is, so that no bit depends on how many there are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_WORTH_A_THREAD = 2**23
"""Operations from which on a thread is started; about a millisecond."""


def over_slabs(function: Callable[[slice], None], rows: int, operations: int) -> None:
    """Call a compiled loop with slices that together are all rows, on as many threads as PyTorch may use.

    Args:
        function: Works on the rows of a slice, without Python's lock.
        rows: How many there are.
        operations: How much work they are together.
    """
    threads = min(torch.get_num_threads(), rows // 4, operations // _WORTH_A_THREAD)
    if threads < 2:
        function(slice(0, rows))
        return
    step = -(-rows // threads)
    slabs = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(function, slabs))
