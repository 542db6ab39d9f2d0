"""Train with each distiller, before and after the one change, and write the log that docs/textbrewer.md quotes.

    python docs/textbrewer/run_log.py

A hidden rule labels random vectors; the teachers learn it with ``BasicTrainer``, the students from the teachers. The
numbers are means of the loss terms over the first and the last epoch.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sinkd_plugin import DistillationConfig
from sinkd_plugin import textbrewer as ours
from sinkd_plugin.textbrewer.host import textbrewer

LOG = Path(__file__).with_name("run_log.json")
PAGE = Path(__file__).parents[1] / "textbrewer.md"
BEGIN, END = "<!-- run-log:begin -->\n", "<!-- run-log:end -->"
KEYS = {"temperature": 2, "hard_label_weight": 0.1, "kd_loss_weight": 0.9}
LOSSES: dict[str, dict[str, Any]] = {
    "ce (TextBrewer's)": {"kd_loss_type": "ce"},
    "sinkd, weight 0.8 (the paper's)": {"kd_loss_type": "sinkd"},
    "sinkd, weight 0.1": {"kd_loss_type": "kl", "sinkd": {"weight": 0.1}},
}
MATCH = {"layer_T": 0, "layer_S": 0, "feature": "hidden", "loss": "hidden_mse", "weight": 0.1}
MATCHES = [{**MATCH, "proj": ["linear", 8, 64, {"lr": 5e-3}]}]
KINDS = ("BasicDistiller", "GeneralDistiller", "SinkhornDistiller", "MultiTeacherDistiller", "MultiTaskDistiller")
EPOCHS = 20


class Classifier(nn.Module):
    """Two layers, with the hidden one to match."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(16, width), nn.Linear(width, 4)

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
        """Logits ``(batch, 4)``, hidden ``(batch, width)`` and the cross-entropy."""
        hidden = torch.tanh(self.body(inputs))
        logits = self.head(hidden)
        return {"logits": logits, "hidden": [hidden], "losses": nn.functional.cross_entropy(logits, labels)}


def adaptor(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """Everything the losses may need."""
    return dict(outputs)


class Batches:
    """512 examples of the hidden rule in batches of 32, shuffled anew each time."""

    def __init__(self, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        rule = torch.randn(16, 4, generator=torch.Generator().manual_seed(7))
        self.inputs = torch.randn(512, 16, generator=draw)
        self.labels = (self.inputs @ rule).argmax(dim=1)

    def __len__(self) -> int:
        return 16

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for rows in torch.randperm(512).reshape(16, 32):
            yield {"inputs": self.inputs[rows], "labels": self.labels[rows]}


def accuracy(model: Classifier, data: Batches) -> float:
    """Share of examples with the right label."""
    with torch.no_grad():
        outputs = model(data.inputs, data.labels)
    return float((outputs["logits"].argmax(dim=1) == data.labels).float().mean())


def trained_teacher(seed: int, folder: str) -> Classifier:
    """A wide classifier that ``BasicTrainer`` has taught the rule."""
    torch.manual_seed(seed)
    teacher = Classifier(64)
    trainer = ours.BasicTrainer(textbrewer().TrainingConfig(device="cpu", output_dir=folder), teacher, adaptor)
    trainer.train(torch.optim.AdamW(teacher.parameters(), lr=5e-3), Batches(0), num_epochs=20)
    return teacher.eval()


def distilled(kind: str, keys: Mapping[str, Any], teachers: list[Classifier], folder: str) -> dict[str, Any]:
    """Train one narrow student and say what its loss did."""
    torch.manual_seed(1)
    np.random.seed(1)  # TextBrewer draws tasks with it
    heard: list[Mapping[str, float]] = []
    student, data = Classifier(8), Batches(0)
    model: Any = teachers if kind == "MultiTeacherDistiller" else teachers[0]
    adapt: Any = adaptor
    if kind == "MultiTaskDistiller":
        model, adapt = dict(zip(("one", "two"), teachers, strict=True)), {"one": adaptor, "two": adaptor}
    matches = MATCHES if kind == "GeneralDistiller" else []
    config = DistillationConfig(**KEYS, **keys, intermediate_matches=matches)
    settings = textbrewer().TrainingConfig(device="cpu", output_dir=folder, ckpt_steps=10_000)
    distiller = getattr(ours, kind)(
        settings, config, model, student, adapt, adapt, observer=lambda step, terms: heard.append(terms)
    )
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-3)
    if kind == "MultiTaskDistiller":
        distiller.train(optimizer, {"one": data, "two": Batches(2)}, num_steps=EPOCHS * len(data))
    else:
        distiller.train(optimizer, data, num_epochs=EPOCHS)
    return {**_summary(heard), "test_accuracy": accuracy(student, Batches(9))}


def _summary(heard: list[Mapping[str, float]]) -> dict[str, Any]:
    names = [name for name in heard[0] if name.startswith(("total", "unweighted"))]
    parts = {"first": heard[:16], "last": heard[-16:]}
    means = {part: {name: sum(t[name] for t in terms) / len(terms) for name in names} for part, terms in parts.items()}
    looked = [terms for terms in heard if "gradient_share_kd_loss" in terms]
    shares = {"gradient_shares": _shares(looked[0]), "last_gradient_shares": _shares(looked[-1])}
    return {"passes": len(heard), **means, **shares}


def _shares(terms: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("gradient_share_"): value for name, value in terms.items() if "gradient_share" in name}


def run_log() -> dict[str, Any]:
    """Every distiller with every loss."""
    with tempfile.TemporaryDirectory() as folder:
        teachers = [trained_teacher(seed, folder) for seed in (0, 1)]
        runs = {
            kind: {name: distilled(kind, keys, teachers, folder) for name, keys in LOSSES.items()} for kind in KINDS
        }
    scores = [accuracy(teacher, Batches(9)) for teacher in teachers]
    return {"torch": str(torch.__version__), "teachers": scores, "runs": runs}


def block(log: Mapping[str, Any]) -> str:
    """The log as Markdown."""
    teachers = " and ".join(f"{value:.3f}" for value in log["teachers"])
    lines = [
        f"Teachers (`BasicTrainer`): test accuracy {teachers}. First and last epoch's means; torch {log['torch']}.",
        "",
        "| distiller | loss | total | KD term | SD term | SD's share of the gradient, first and last | test accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, runs in log["runs"].items():
        lines += [f"| {kind} | {name} | {_row(run)} |" for name, run in runs.items()]
    return "\n".join([*lines, ""])


def _row(run: Mapping[str, Any]) -> str:
    terms = ("total_loss", "unweighted_kd_loss", "unweighted_sinkhorn_loss")
    cells = [f"{run['first'][t]:.3f} → {run['last'][t]:.3f}" if t in run["first"] else "–" for t in terms]
    shares = [run[name].get("sinkhorn_loss") for name in ("gradient_shares", "last_gradient_shares")]
    cells.append("–" if None in shares else " and ".join(f"{share:.0%}" for share in shares))
    return " | ".join([*cells, f"{run['test_accuracy']:.3f}"])


def with_block(page: str, text: str) -> str:
    """The page with ``text`` between its markers."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    log = run_log()
    LOG.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_block(PAGE.read_text(encoding="utf-8"), block(log)), encoding="utf-8")
