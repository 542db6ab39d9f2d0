"""One of two processes that train on the CPU; the test starts it. Prints what came of it as JSON.

Run: python two_processes.py RANK FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import distributed, nn

from sinkd_plugin import DistillationConfig
from sinkd_plugin import textbrewer as ours
from sinkd_plugin.errors import SinkdError
from sinkd_plugin.textbrewer.host import textbrewer

warnings.simplefilter("ignore")


class Model(nn.Module):
    """A linear classifier, and a hidden layer to match."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, width)
        self.out = nn.Linear(width, 3)

    def forward(self, inputs: torch.Tensor) -> dict[str, Any]:
        """Logits and hidden state."""
        hidden = torch.tanh(self.hidden(inputs))
        return {"logits": self.out(hidden), "hidden": [hidden]}


def train(side: Any, rank: int, folder: str, broken: str) -> dict[str, Any]:
    """Train on this process's half of the batches; the state of the student and of the projection."""
    torch.manual_seed(0)
    teacher, student = Model(6).requires_grad_(False), Model(5)
    batches = [{"inputs": torch.randn(4, 4)} for _ in range(4)]
    match = {"layer_T": 0, "layer_S": 0, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0}
    kind = textbrewer().DistillationConfig
    keys: dict[str, Any] = {"kd_loss_type": "kl", "intermediate_matches": [{**match, "proj": ["linear", 5, 6]}]}
    if broken == "share":
        kind, keys = DistillationConfig, {**keys, "sinkd": {"gradient_share": 0.3}}
    distiller = side.GeneralDistiller(
        textbrewer().TrainingConfig(device="cpu", output_dir=folder, local_rank=rank),
        kind(**keys),
        teacher,
        student,
        adapt,
        adapt,
    )
    if broken == "nan" and rank == 1:
        distiller.adaptor_S = lambda batch, outputs: {"logits": outputs["logits"] * float("nan")}
    if broken == "heads" and rank == 1:
        distiller.adaptor_S = lambda batch, outputs: {"logits": [outputs["logits"]] * 2}
    if rank >= 0:
        batches = [{"inputs": batch["inputs"][2 * rank : 2 * rank + 2]} for batch in batches]
    loader: Any = torch.utils.data.DataLoader(batches, batch_size=None, shuffle=False)  # type: ignore[arg-type]  # its sampler knows no epochs
    distiller.train(torch.optim.SGD(student.parameters(), lr=0.5), loader, num_epochs=2)
    (projection,) = distiller.projs
    states = {**student.state_dict(), **getattr(projection, "module", projection).state_dict()}
    learnt = distiller.state_dict()["transport_weight"] if broken == "share" else {}
    return {**{name: value.tolist() for name, value in states.items()}, **learnt}


def adapt(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """What both models give to the losses."""
    return dict(outputs)


def outcome(*arguments: Any) -> dict[str, Any]:
    """The state, or the error."""
    try:
        return train(*arguments)
    except (SinkdError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main(rank: int, folder: str) -> None:
    """Train alone, then together: with TextBrewer's class, with ours, and with ours when one process meets NaN."""
    found = {"alone": outcome(ours, -1, f"{folder}/alone{rank}", "")}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    for name, side in (("stock", textbrewer()), ("ours", ours), ("nan", ours), ("heads", ours), ("share", ours)):
        found[name] = outcome(side, rank, f"{folder}/{name}", name)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
