"""A classifier on random tokens with layer matches: the first script that TextBrewer's users write."""

# ruff: noqa: C408, T201
# mypy: ignore-errors

import json

import torch
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

torch.manual_seed(0)
shape = dict(vocab_size=60, num_attention_heads=2, max_position_embeddings=16, output_hidden_states=True)
teacher_model = BertForSequenceClassification(
    BertConfig(hidden_size=32, num_hidden_layers=4, intermediate_size=64, initializer_range=0.3, **shape)
)
student_model = BertForSequenceClassification(
    BertConfig(hidden_size=16, num_hidden_layers=2, intermediate_size=32, **shape)
)
tokens = torch.randint(1, 60, (48, 12))
dataset = TensorDataset(tokens, torch.ones_like(tokens), torch.randint(0, 2, (48,)))


def collate(examples):
    ids, mask, labels = (torch.stack(column) for column in zip(*examples, strict=True))
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


dataloader = DataLoader(dataset, batch_size=16, collate_fn=collate)


def simple_adaptor(batch, model_outputs):
    return {"logits": model_outputs[1], "hidden": model_outputs[2], "inputs_mask": batch["attention_mask"]}


def distance():
    teacher_model.eval(), student_model.eval()
    with torch.no_grad():
        logits = [model(input_ids=tokens).logits.log_softmax(-1) for model in (student_model, teacher_model)]
    return torch.nn.functional.kl_div(*logits, log_target=True, reduction="batchmean").item()


def saved(model, step):
    print("saved at", step)


train_config = TrainingConfig(device="cpu")
distill_config = DistillationConfig(
    temperature=8,
    hard_label_weight=0,
    kd_loss_type="ce",
    probability_shift=False,
    intermediate_matches=[
        {
            "layer_T": 0,
            "layer_S": 0,
            "feature": "hidden",
            "loss": "hidden_mse",
            "weight": 1,
            "proj": ["linear", 16, 32],
        },
        {
            "layer_T": 4,
            "layer_S": 2,
            "feature": "hidden",
            "loss": "hidden_mse",
            "weight": 1,
            "proj": ["linear", 16, 32],
        },
        {"layer_T": [0, 0], "layer_S": [0, 0], "feature": "hidden", "loss": "nst", "weight": 0.1},
    ],
)
distiller = GeneralDistiller(
    train_config=train_config,
    distill_config=distill_config,
    model_T=teacher_model,
    model_S=student_model,
    adaptor_T=simple_adaptor,
    adaptor_S=simple_adaptor,
)
before = distance()
optimizer = torch.optim.AdamW(student_model.parameters(), lr=3e-3)
with distiller:
    distiller.train(
        optimizer,
        dataloader,
        num_epochs=16,
        scheduler_class=get_linear_schedule_with_warmup,
        scheduler_args={"num_warmup_steps": 2, "num_training_steps": 48},
        callback=saved,
    )
print(json.dumps({"before": before, "after": distance()}))
