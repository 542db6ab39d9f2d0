"""A causal language model: settings from a JSON text with a key of the user's own, shifted logits behind a mask."""

# ruff: noqa: C408, T201
# mypy: ignore-errors

import json

import torch
from textbrewer import BasicDistiller, DistillationConfig, TrainingConfig
from torch.utils.data import DataLoader
from transformers import GPTNeoConfig, GPTNeoForCausalLM

SETTINGS = """{
  "temperature": 2,
  "hard_label_weight": 0.5,
  "kd_loss_weight": 0.5,
  "kd_loss_type": "ce",
  "sep_intermediate_layers": [1, 2]
}"""

torch.manual_seed(0)
shape = dict(
    vocab_size=40, hidden_size=16, num_heads=2, max_position_embeddings=16, intermediate_size=32, use_cache=False
)
teacher = GPTNeoForCausalLM(
    GPTNeoConfig(num_layers=2, attention_types=[[["global"], 2]], initializer_range=0.5, **shape)
)
student = GPTNeoForCausalLM(GPTNeoConfig(num_layers=1, attention_types=[[["global"], 1]], **shape))
ids = torch.randint(1, 40, (24, 9))
with torch.no_grad():
    ids[:, 4:] = teacher.eval()(input_ids=ids).logits[:, 3:-1].argmax(-1)
labels = ids.clone()
labels[:, :4] = -100  # the prompt
rows = [
    {"input_ids": one, "attention_mask": torch.ones_like(one), "labels": two}
    for one, two in zip(ids, labels, strict=True)
]


def adaptor(batch, out):
    return {"logits": out.logits[:, :-1], "logits_mask": batch["labels"][:, 1:] != -100, "losses": out.loss}


def distance():
    teacher.eval(), student.eval()
    with torch.no_grad():
        logits = [model(input_ids=ids).logits[:, 3:-1].flatten(0, 1).log_softmax(-1) for model in (student, teacher)]
    return torch.nn.functional.kl_div(*logits, log_target=True, reduction="batchmean").item()


settings = json.loads(SETTINGS)
settings.pop("sep_intermediate_layers")
distiller = BasicDistiller(
    TrainingConfig(device="cpu", output_dir="lm"),
    DistillationConfig.from_dict(settings),
    teacher,
    student,
    adaptor,
    adaptor,
)
before = distance()
with distiller:
    distiller.train(torch.optim.AdamW(student.parameters(), lr=1e-2), DataLoader(rows, batch_size=8), num_epochs=8)
print(json.dumps({"before": before, "after": distance()}))
