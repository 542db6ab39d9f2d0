"""The plan between a real batch of a run's teacher and student, before the training and after it, as heat maps.

Run: sinkd quickstart && python examples/transport_plan.py runs/quickstart transport_plan.png

Rows and columns are the same test sentences in the order of the teacher's belief in the last class, so that a plan that
keeps every row with its own teacher row lies on the diagonal. The student before training is what the run started from:
the teacher's layers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.architectures.loading import load_config as model_config
from sinkd_plugin.architectures.specs import architecture_of
from sinkd_plugin.tasks.load import load_task
from sinkd_plugin.training.config import RunConfig, load_config

SENTENCES = 32


@torch.inference_mode()
def logits(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, columns: list[list[str]]) -> torch.Tensor:
    """Of sentences, or of pairs of them: ``(sentences, classes)``."""
    batch = tokenizer(*columns, padding=True, truncation=True, max_length=128, return_tensors="pt")
    return model.eval()(**batch).logits


def three_models(folder: Path, config: RunConfig) -> tuple[list[torch.Tensor], int]:
    """Logits of teacher, student before, student after, and how many layers the student has."""
    task = load_task(config.task, data_dir=config.data_dir, data=config.data, seed=config.training.seed)
    examples = task.splits["test"].select(range(SENTENCES))
    columns = [list(examples[name]) for name in task.spec.text]
    architecture = architecture_of(model_config(str(folder / "student"))).build()
    teacher, tokenizer = architecture.load(str(folder / "teacher"), task.spec.labels, needs_head=True)
    trained, _ = architecture.load(str(folder / "student"), task.spec.labels, needs_head=True)
    if config.student.from_teacher_layers is None:
        sys.exit("This example shows a student that was made from its teacher's layers.")
    fresh = architecture.student_from_layers(teacher, config.student.from_teacher_layers)
    depth = len(config.student.from_teacher_layers)
    return [logits(model, tokenizer, columns) for model in (teacher, fresh, trained)], depth


def main(run_folder: str, target: str) -> None:
    """Compute and draw both plans."""
    config = load_config(Path(run_folder) / "config.yaml")
    (teacher, fresh, trained), depth = three_models(Path(run_folder), config)
    order = teacher.softmax(-1)[:, -1].argsort()
    teacher, fresh, trained = teacher[order], fresh[order], trained[order]
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    for axes, (name, student) in zip(
        figure.subplots(1, 2), {"before training": fresh, "after training": trained}.items(), strict=True
    ):
        found = SinkhornLoss().transport(student, teacher)
        own = found.plan.diagonal().sum()
        print(f"{name}: distance {found.value:.3f}, {own:.1%} of the mass stays with its own row")
        picture = axes.imshow(found.plan * SENTENCES, cmap="bone_r", vmin=0)
        figure.colorbar(picture, ax=axes, shrink=0.8, label="share of a row")
        axes.set(title=f"{depth}-layer student {name}\nSD = {found.value:.3f}, on the diagonal {own:.0%}")
        axes.set(xlabel="teacher's rows", ylabel="student's rows", xticks=[], yticks=[])
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(*(sys.argv[1:3] if len(sys.argv) > 2 else ("runs/quickstart", "transport_plan.png")))
