"""One of several processes that share a group of rows on the CPU; the test starts it. Prints what came of it as JSON.

Run: python whole_group_process.py RANK PROCESSES FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import distributed, nn

from sinkd_plugin import textbrewer as ours
from sinkd_plugin.textbrewer.batches import SpareBatch
from sinkd_plugin.textbrewer.host import textbrewer

warnings.simplefilter("ignore")
STEPS = [11, 9, 2, 1]
"""Examples of each optimiser step: ragged shares, and steps in which some process has none."""
KEYS: dict[str, Any] = {"temperature": 2, "hard_label_weight": 0.3, "kd_loss_weight": 0.5, "kd_loss_type": "kl"}
MATCHES = [
    {"layer_T": 0, "layer_S": 0, "feature": "hidden", "loss": "hidden_mse", "weight": 0.4, "proj": ["linear", 5, 6]},
    {
        "layer_T": 0,
        "layer_S": 0,
        "feature": "hidden",
        "loss": "hidden_sinkhorn",
        "weight": 0.4,
        "proj": ["linear", 5, 6],
    },
]


class Model(nn.Module):
    """Texts of any length to a class, and to a hidden layer whose padding a mask hides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, width)
        self.out = nn.Linear(width, 3)

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor, index: Any) -> dict[str, Any]:
        hidden = torch.tanh(self.hidden(inputs))
        logits = self.out((hidden * mask.unsqueeze(-1)).sum(1))
        return {
            "logits": logits,
            "hidden": [hidden],
            "inputs_mask": mask,
            "losses": nn.functional.cross_entropy(logits, labels),
        }


def batch_of(lengths: torch.Tensor, draw: torch.Generator) -> dict[str, Any]:
    mask = torch.arange(6) < lengths.unsqueeze(1)
    return {
        "inputs": 3 * torch.randn(len(lengths), 6, 4, generator=draw).double() * mask.unsqueeze(-1),
        "mask": mask.long(),
        "labels": torch.randint(0, 3, (len(lengths),), generator=draw),
        "index": torch.arange(len(lengths)),
    }


def cut(batch: Mapping[str, Any], rows: torch.Tensor) -> dict[str, Any]:
    """Some examples, padded to the longest of them."""
    part = {name: value[rows] for name, value in batch.items()}
    longest = int(part["mask"].sum(1).max())
    return {**part, "inputs": part["inputs"][:, :longest], "mask": part["mask"][:, :longest]}


def share(batch: Mapping[str, Any], rank: int, processes: int) -> list[Any]:
    """A process's micro-batches, of three examples at most; a spare one if no example is left for it."""
    rows = torch.arange(len(batch["labels"]))[rank::processes]
    return (
        [cut(batch, part) for part in torch.split(rows, 3)]
        if len(rows)
        else [SpareBatch(batch=cut(batch, rows.new_zeros(1)))]
    )


def train(rank: int, processes: int, folder: str, scope: Any) -> dict[str, Any]:
    """Train on one process's share of every step, on all of it where ``processes`` is 1."""
    torch.manual_seed(0)
    teacher, student = Model(6).double().requires_grad_(False), Model(5).double()
    draw = torch.Generator().manual_seed(1)
    steps = [batch_of(torch.randint(1, 7, (size,), generator=draw), draw) for size in STEPS]
    together = processes > 1
    config = textbrewer().TrainingConfig(device="cpu", output_dir=folder, local_rank=rank if together else -1)
    totals: list[float] = []
    distiller = ours.SinkhornDistiller(
        config,
        ours.DistillationConfig(**KEYS, sinkd={"weight": 0.8}, intermediate_matches=MATCHES),
        teacher,
        student,
        lambda batch, outputs: dict(outputs),
        lambda batch, outputs: dict(outputs),
        observer=lambda step, terms: totals.append(terms["total_loss"]),
        save_state_dicts=False,
        scope=scope,
    )
    for projection in distiller.projs:
        projection.double()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.5)
    for batch in steps:
        parts = share(batch, rank, processes)
        config.gradient_accumulation_steps = len(parts)
        distiller.train(optimizer, parts, num_epochs=1)
    modules = [student, *(getattr(projection, "module", projection) for projection in distiller.projs)]
    state = {
        f"{number}.{name}": value.tolist()
        for number, each in enumerate(modules)
        for name, value in each.state_dict().items()
    }
    return {"state": state, "totals": totals}


def main(rank: int, processes: int, folder: str) -> None:
    found = {"alone": train(0, 1, f"{folder}/alone{rank}", "global")}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=processes)
    found["global"] = train(rank, processes, f"{folder}/global", "global")
    found["local"] = train(rank, processes, f"{folder}/local", "local")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
