"""The same epochs on movie reviews, from loaded models to a trained student: our way, and stock TextBrewer's.

TextBrewer's way is that of its examples: texts padded to one length, and the teacher asked at every step. Ours is the
trainer as it is by default: texts of similar length together, padded to their longest, and the teacher asked once.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import ratio
from torch.utils.data import DataLoader
from trainers import DISTILLATION, stock
from transformers import get_linear_schedule_with_warmup

from sinkd_plugin.training.config import checked
from sinkd_plugin.training.distill import distill
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material, gather_material
from sinkd_plugin.training.optimizing import optimizer_of, schedule
from sinkd_plugin.training.predict import predict_rows, predict_scores
from sinkd_plugin.training.prepare import prepare
from sinkd_plugin.training.teacher import teacher_stage

LENGTH, TRAIN, TEST, EPOCHS, BATCH = 64, 400, 1000, 3, 32
_KEYS = ("input_ids", "attention_mask", "token_type_ids")


def epochs(repetitions: int = 2) -> dict[str, Any]:
    """CPU time of both, by turns, and accuracies of the last students on the same test sentences."""
    with tempfile.TemporaryDirectory() as name:
        start_of(Path(name) / "first")  # the teacher's scores, which no trainer asks for, and code that is to be loaded
        seconds: dict[str, list[float]] = {"textbrewer": [], "sinkd": []}
        right: dict[str, Any] = {}
        for number in range(repetitions):
            for trainer in list(seconds)[:: 1 if number % 2 else -1]:
                folder = Path(name) / f"{trainer}{number}"
                shutil.copytree(Path(name) / "first" / "teacher", folder / "teacher")
                material, taken = TRAINERS[trainer](folder)
                seconds[trainer].append(taken)
                right[trainer] = correct(material)
        return {
            "teacher": "zoo:minilm-l3-reviews",
            "student": "its layers 0 and 2",
            "train": TRAIN,
            "test": TEST,
            "epochs": EPOCHS,
            "batch": BATCH,
            "padded_to": LENGTH,
            "mean_tokens": float(np.mean(material.train["length"])),
            "cpu_seconds": seconds,
            "times_faster": ratio(seconds["textbrewer"], seconds["sinkd"]),
            "accuracy": {trainer: float(found.mean()) for trainer, found in right.items()},
            "difference": paired_interval(right["sinkd"], right["textbrewer"]),
        }


def config_of(folder: Path) -> Any:
    """The run; the loss is TextBrewer's ``ce`` on both sides."""
    return checked(
        {
            "task": "reviews",
            "data": {"max_length": LENGTH, "max_train_samples": TRAIN, "max_test_samples": TEST},
            "teacher": {"model": "zoo:minilm-l3-reviews"},
            "student": {"from_teacher_layers": [0, 2]},
            "training": {"output_dir": str(folder), "device": "cpu", "precision": "fp32"},
            "distillation": dict(DISTILLATION),
            "optimizer": {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": 1e-4},
        }
    )


def by_sinkd(folder: Path) -> tuple[Material, float]:
    """The student, and CPU seconds for the teacher's logits and the training."""
    config, material = start_of(folder)
    start = time.process_time()
    rows = predict_rows(material.teacher, material.reader, material.train, what="Teacher's logits")
    distill(config, replace(material, teacher_rows=rows), Journal(folder, ["student"]), "student", "benchmark")
    return material, time.process_time() - start


def by_textbrewer(folder: Path) -> tuple[Material, float]:
    """The student, and CPU seconds for the training."""
    config, material = start_of(folder)
    loader: Any = DataLoader(material.train, batch_size=BATCH, shuffle=True, collate_fn=padded)
    distiller = stock(material.teacher, material.student)
    start = time.process_time()
    with distiller:
        distiller.train(
            optimizer_of(material.student, config.optimizer),
            loader,
            num_epochs=EPOCHS,
            scheduler_class=get_linear_schedule_with_warmup,
            scheduler_args=schedule(config.optimizer, len(loader) * EPOCHS),
            max_grad_norm=config.optimizer.max_grad_norm,
        )
    return material, time.process_time() - start


def start_of(folder: Path) -> tuple[Any, Material]:
    """The run, with models loaded and texts in tokens, before the teacher has spoken."""
    config = config_of(folder)
    prepared = prepare(config)
    silent = config.model_copy(update={"training": config.training.model_copy(update={"teacher_cache": "off"})})
    return config, gather_material(silent, prepared, teacher_stage(config, prepared, folder / "teacher"))


TRAINERS = {"textbrewer": by_textbrewer, "sinkd": by_sinkd}


def padded(examples: Any) -> dict[str, torch.Tensor]:
    """A batch whose texts all have ``LENGTH`` tokens; what is behind a text is hidden by the mask."""
    batch = {
        name: torch.tensor([example[name] + [0] * (LENGTH - len(example[name])) for example in examples])
        for name in _KEYS
        if name in examples[0]
    }
    return {**batch, "labels": torch.tensor([example["label"] for example in examples])}


def correct(material: Material) -> Any:
    """Which test sentences the student gets right."""
    test = material.tests["test"]
    scores = predict_scores(material.student, material.reader, test, what="Scoring")
    return (scores.argmax(-1) == torch.tensor(test["label"][:])).numpy()


def paired_interval(one: Any, other: Any, draws: int = 10_000) -> dict[str, float]:
    """The difference of two accuracies on the same sentences, with its 95 % bootstrap interval."""
    differences = one.astype(float) - other.astype(float)
    drawn = np.random.default_rng(0).integers(0, len(differences), (draws, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), (2.5, 97.5))
    return {"mean": float(differences.mean()), "low": float(low), "high": float(high)}
