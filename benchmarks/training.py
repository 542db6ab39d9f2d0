"""What the trainer costs beside stock TextBrewer's, and what its groups, its cache and several processes come to.

Run: python benchmarks/training.py benchmarks/results/training.json [PART ...] && python benchmarks/training_table.py

Parts: steps, memory, epochs, groups, processes. One thread; CPU time, because other processes share the machine, except
for the two processes, which are timed by the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from trainer_epochs import epochs
from trainer_groups import groups
from trainer_processes import two_processes
from trainer_step import memory, steps

from sinkd_plugin.training.environment import environment

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "steps": steps,
    "memory": memory,
    "epochs": epochs,
    "groups": groups,
    "processes": two_processes,
}


def main(target: Path, *parts: str) -> None:
    """Measure, and write the raw numbers."""
    result = json.loads(target.read_text()) if parts and target.exists() else {}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    for part in parts or PARTS:
        result[part] = {
            **PARTS[part](),
            "commit": commit.stdout.strip(),
            "load_average": os.getloadavg(),
        }
        result["environment"] = environment()
        target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), *sys.argv[2:])
