"""Runs a configuration to its end through many deaths: each try is a process of its own that SIGKILL ends at random.

Run: python killed_run.py CONFIG SEED DEATHS. Prints how often it was killed, and after which lines of the journal.
Tries are forked from one process that has imported everything, which spares each of them the imports.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from sinkd_plugin.training.config import RunConfig, load_config
from sinkd_plugin.training.run import run


def lines(folder: Path) -> int:
    """How many losses of the student have been noted."""
    path = folder / "metrics.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.is_file() else 0


def checkpoints(folder: Path) -> int:
    """A number that grows as checkpoints of the teacher are written."""
    return max([int(path.name[5:]) for path in folder.glob("checkpoints/teacher/step-*")], default=0)


def progress(folder: Path) -> int:
    """How far teacher and student have come."""
    return lines(folder) + checkpoints(folder)


def attempt(config: RunConfig) -> int:
    """Start one try; its process number."""
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        run(config)
        os._exit(0)
    return child


def main(path: str, seed: int, deaths: int) -> None:
    """Kill ``deaths`` tries, and let one more end."""
    config, draw = load_config(Path(path)), random.Random(seed)
    folder = config.training.output_dir
    places: list[int] = []
    while len(places) < deaths:
        wanted, child = progress(folder) + draw.randint(2, 9), attempt(config)
        while progress(folder) < wanted and os.waitpid(child, os.WNOHANG)[0] == 0:
            time.sleep(0.001)
        time.sleep(draw.random() * 0.03)  # anywhere in a step, or in the middle of a checkpoint
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            sys.exit(f"the run ended after {len(places)} of {deaths} deaths: make it longer")
        places.append(progress(folder))
    status = os.waitpid(attempt(config), 0)[1]
    sys.stdout.write(f"seed {seed}: killed {len(places)} times, after {places}; exit status {status}\n")
    sys.exit(1 if status else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
