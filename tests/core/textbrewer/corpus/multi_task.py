"""Two tasks with a teacher each and one student, counted in steps, with projections to the teachers' width."""

# ruff: noqa: C408, C420, T201
# mypy: ignore-errors

import json
import random

import numpy as np
import torch
from textbrewer import DistillationConfig, MultiTaskDistiller, TrainingConfig
from torch.utils.data import DataLoader
from transformers import BertConfig, BertForSequenceClassification

random.seed(0), np.random.seed(0), torch.manual_seed(0)
shape = dict(vocab_size=60, num_attention_heads=2, output_hidden_states=True, num_labels=3)
teachers = {
    task: BertForSequenceClassification(
        BertConfig(hidden_size=32, num_hidden_layers=3, intermediate_size=64, initializer_range=0.3, **shape)
    )
    for task in ("topic", "tone")
}
student = BertForSequenceClassification(BertConfig(hidden_size=16, num_hidden_layers=1, intermediate_size=32, **shape))


def examples(task, count):
    ids = torch.randint(1, 60, (count, 8))
    with torch.no_grad():
        labels = teachers[task].eval()(input_ids=ids).logits.argmax(-1)
    rows = zip(ids, labels, strict=True)
    return [{"input_ids": row, "attention_mask": torch.ones_like(row), "labels": label} for row, label in rows]


data = {"topic": examples("topic", 32), "tone": examples("tone", 16)}
loaders = {task: DataLoader(rows, batch_size=8, shuffle=True) for task, rows in data.items()}


def adaptor(batch, out):
    return {"losses": out[0], "logits": out[1], "hidden": out[2], "inputs_mask": batch["attention_mask"]}


def distance():
    student.eval()
    total = 0.0
    for task, teacher in teachers.items():
        ids = torch.stack([row["input_ids"] for row in data[task]])
        with torch.no_grad():
            logits = [model.eval()(input_ids=ids).logits.log_softmax(-1) for model in (student, teacher)]
        total += torch.nn.functional.kl_div(*logits, log_target=True, reduction="batchmean").item()
    return total


distill_config = DistillationConfig(
    temperature=4,
    hard_label_weight=1,
    kd_loss_type="ce",
    kd_loss_weight=1.3,
    intermediate_matches=[
        {
            "layer_T": 3,
            "layer_S": 1,
            "feature": "hidden",
            "loss": "hidden_mse",
            "weight": 0.5,
            "proj": ["linear", 16, 32],
        }
    ],
)
distiller = MultiTaskDistiller(
    TrainingConfig(device="cpu", output_dir="tasks", ckpt_steps=10),
    distill_config,
    teachers,
    student,
    {task: adaptor for task in teachers},
    {task: adaptor for task in teachers},
)
before = distance()
with distiller:
    distiller.train(torch.optim.AdamW(student.parameters(), lr=1e-2), loaders, num_steps=40, tau=0.5)
print(json.dumps({"before": before, "after": distance()}))
