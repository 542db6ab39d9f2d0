"""Named entities: logits of every token behind the attention mask, options from the command line, TensorBoard."""

# ruff: noqa: C408, T201
# mypy: ignore-errors

import argparse
import json

import torch
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig
from torch.utils.data import DataLoader, RandomSampler, TensorDataset
from transformers import BertConfig, BertForTokenClassification

parser = argparse.ArgumentParser()
parser.add_argument("--temperature", type=float, default=4)
parser.add_argument("--gradient_accumulation_steps", type=int, default=2)
parser.add_argument("--ckpt_frequency", type=int, default=2)
parser.add_argument("--fp16", action="store_true")
parser.add_argument("--local_rank", type=int, default=-1)
parser.add_argument("--output_dir", default="ner_output")
args = parser.parse_args()

torch.manual_seed(0)
shape = dict(vocab_size=60, hidden_size=16, num_attention_heads=2, intermediate_size=32, num_labels=5)
teacher = BertForTokenClassification(BertConfig(num_hidden_layers=3, initializer_range=0.4, **shape))
student = BertForTokenClassification(BertConfig(num_hidden_layers=1, **shape))
ids = torch.randint(1, 60, (40, 10))
mask = (torch.arange(10) < torch.randint(4, 11, (40, 1))).long()
with torch.no_grad():
    labels = teacher.eval()(input_ids=ids, attention_mask=mask).logits.argmax(-1).masked_fill(mask == 0, -100)
examples = TensorDataset(ids, mask, torch.zeros_like(ids), labels)
loader = DataLoader(examples, sampler=RandomSampler(examples), batch_size=10)


def to_dict(batch):
    return dict(zip(("input_ids", "attention_mask", "token_type_ids", "labels"), batch, strict=True))


def NERAdaptor(batch, model_outputs):
    return {
        "logits": (model_outputs[1],),
        "logits_mask": (batch["attention_mask"],),
        "inputs_mask": batch["attention_mask"],
    }


def distance():
    teacher.eval(), student.eval()
    with torch.no_grad():
        logits = [
            model(input_ids=ids, attention_mask=mask).logits[mask.bool()].log_softmax(-1)
            for model in (student, teacher)
        ]
    return torch.nn.functional.kl_div(*logits, log_target=True, reduction="batchmean").item()


train_config = TrainingConfig(
    gradient_accumulation_steps=args.gradient_accumulation_steps,
    ckpt_frequency=args.ckpt_frequency,
    log_dir=args.output_dir + "/log",
    output_dir=args.output_dir,
    fp16=args.fp16,
    device=torch.device("cpu"),
    local_rank=args.local_rank,
)
distill_config = DistillationConfig(
    temperature=args.temperature,
    kd_loss_type="ce",
)
distiller = GeneralDistiller(train_config, distill_config, teacher, student, NERAdaptor, NERAdaptor)
before = distance()
with distiller:
    distiller.train(
        torch.optim.AdamW(student.parameters(), lr=5e-3),
        loader,
        num_epochs=12,
        max_grad_norm=1.0,
        batch_postprocessor=to_dict,
    )
print(json.dumps({"before": before, "after": distance()}))
