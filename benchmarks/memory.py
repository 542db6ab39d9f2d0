"""The memory that a value and its gradient need, each in a process of its own.

Run by ``loss.py`` as ``python benchmarks/memory.py COST ROWS CLASSES METHOD``.
"""

from __future__ import annotations

import sys

import torch
from competitors import methods
from peak import peak_mb, peak_of_process
from timing import both, logits


def peak_of(cost: str, rows: int, classes: int, method: str) -> float:
    """Megabytes of resident memory beyond the logits, at the peak."""
    return peak_of_process(__file__, cost, str(rows), str(classes), method)


def main(cost: str, rows: str, classes: str, method: str) -> None:
    """Measure in this process."""
    student, teacher = logits(int(rows), int(classes))
    loss = methods(cost)[method]
    # Code is loaded, and compiled, before it is measured what is computed with it: on few rows of as many classes.
    few = slice(0, 520 if student.shape[1] < 64 else 8)
    both(loss, student[few], teacher[few])
    print(peak_mb(lambda: both(loss, student, teacher)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
