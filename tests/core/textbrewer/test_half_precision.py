"""fp16: the loss is scaled, a step that overflows is skipped and counted, and only a few in a row are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from sinkd_plugin import DistillationConfig, SinkhornDistiller
from sinkd_plugin.errors import NonFiniteLossError
from sinkd_plugin.textbrewer.precision import MOST_SKIPPED

KEYS: dict[str, Any] = {"temperature": 2, "hard_label_weight": 0.2, "kd_loss_type": "kl", "sinkd": {"weight": 0.3}}
Batches = list[dict[str, Any]]


def train(
    models: Any, batches: Batches, train_config: Any, adapt: Any, epochs: int = 2, **keys: Any
) -> tuple[Any, Any]:
    teacher, student = models[0], copy.deepcopy(models[1])
    distiller = SinkhornDistiller(train_config, DistillationConfig(**KEYS), teacher, student, adapt, adapt, **keys)
    distiller.train(torch.optim.SGD(student.parameters(), lr=0.05), batches, num_epochs=epochs)
    return distiller, student


def moved(student: Any, before: Any) -> float:
    pairs = zip(student.parameters(), before.parameters(), strict=True)
    return max(float((one - other).detach().abs().max()) for one, other in pairs)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_fp16_learns_what_fp32_learns(
    accumulation: int, models: Any, batches: Batches, train_config: Any, adapt: Any
) -> None:
    train_config.gradient_accumulation_steps = accumulation
    half, found = train(models, batches, train_config, adapt, precision="fp16")
    _, wanted = train(models, batches, train_config, adapt)
    assert half.skipped_steps == 0
    assert moved(found, models[1]) > 1e-3
    assert moved(found, wanted) < 0.1 * moved(wanted, models[1])
    assert all(weight.dtype == torch.float32 for weight in found.parameters())


@pytest.mark.parametrize("what", ["logits", "gradient"])
def test_a_step_that_overflows_is_skipped_and_counted(
    what: str, models: Any, batches: Batches, train_config: Any, adapt: Any
) -> None:
    calls: list[int] = []

    def overflowing(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        found: dict[str, Any] = adapt(batch, outputs)
        calls.append(1)
        if len(calls) == 2:
            factor = float("inf") if what == "logits" else 1.0
            found["logits"] = found["logits"] * factor
            if what == "gradient":
                found["logits"].register_hook(lambda gradient: gradient * float("inf"))
        return found

    teacher, student = models[0], copy.deepcopy(models[1])
    config = DistillationConfig(**KEYS)
    distiller = SinkhornDistiller(train_config, config, teacher, student, adapt, overflowing, precision="fp16")
    distiller.train(torch.optim.SGD(student.parameters(), lr=0.05), batches, num_epochs=1)
    assert distiller.skipped_steps == 1
    _, wanted = train(models, [batches[0], batches[2]], train_config, adapt, epochs=1, precision="fp16")
    assert moved(student, wanted) < 1e-4, "the other two steps were taken"
    assert not list(Path(train_config.output_dir).glob("non_finite*"))


def test_what_overflows_for_ever_stops_with_its_state_saved(
    models: Any, batches: Batches, train_config: Any, adapt: Any
) -> None:
    def broken(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        found: dict[str, Any] = adapt(batch, outputs)
        return {**found, "logits": outputs.logits * float("inf")}

    student = copy.deepcopy(models[1])
    config = DistillationConfig(**KEYS)
    distiller = SinkhornDistiller(train_config, config, models[0], student, adapt, broken, precision="fp16")
    with pytest.raises(NonFiniteLossError, match="student's logits must be finite"):
        distiller.train(torch.optim.SGD(student.parameters(), lr=0.05), batches, num_epochs=20)
    assert distiller.skipped_steps == MOST_SKIPPED
    assert len(list(Path(train_config.output_dir).glob("non_finite*"))) == 1
