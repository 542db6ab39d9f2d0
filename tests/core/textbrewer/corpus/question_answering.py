"""Spans: two heads, a half for labels that the adaptor never gives, four maximum-mean-discrepancy matches."""

# ruff: noqa: C408, N816, T201
# mypy: ignore-errors

import json

import torch
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForQuestionAnswering

torch.manual_seed(0)
shape = dict(vocab_size=60, hidden_size=16, num_attention_heads=2, intermediate_size=32, output_hidden_states=True)
model_T = BertForQuestionAnswering(BertConfig(num_hidden_layers=4, initializer_range=0.4, **shape))
model_S = BertForQuestionAnswering(BertConfig(num_hidden_layers=2, **shape))
model_T.qa_outputs.weight.data.mul_(4)
ids = torch.randint(1, 60, (36, 12))
loader = DataLoader(TensorDataset(ids, torch.ones_like(ids)), batch_size=12, shuffle=True)


def batch_postprocessor(batch):
    return {"input_ids": batch[0], "attention_mask": batch[1]}


def qa_adaptor(batch, out):
    return {"logits": (out.start_logits, out.end_logits), "hidden": out.hidden_states}


def distance():
    model_T.eval(), model_S.eval()
    with torch.no_grad():
        logits = [model(input_ids=ids).start_logits.log_softmax(-1) for model in (model_S, model_T)]
    return torch.nn.functional.kl_div(*logits, log_target=True, reduction="batchmean").item()


distill_config = DistillationConfig(
    temperature=10,
    hard_label_weight=0.5,
    kd_loss_weight=0.5,
    kd_loss_type="ce",
    intermediate_matches=[
        {"layer_T": [2 * i, 2 * i], "layer_S": [i, i], "feature": "hidden", "loss": "mmd", "weight": 0.01}
        for i in range(3)
    ]
    + [{"layer_T": [4, 4], "layer_S": [2, 2], "feature": "hidden", "loss": "mmd", "weight": 0.01}],
)
distiller = GeneralDistiller(
    TrainingConfig(device="cpu", output_dir="qa"), distill_config, model_T, model_S, qa_adaptor, qa_adaptor
)
before = distance()
with distiller:
    distiller.train(
        torch.optim.AdamW(model_S.parameters(), lr=1e-2), loader, num_epochs=24, batch_postprocessor=batch_postprocessor
    )
print(json.dumps({"before": before, "after": distance()}))
