"""Every family learns every task by every loss: what is registered is tested, and what is left out says why."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from sinkd_plugin.catalog import catalog
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.distiller import SinkhornDistiller
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.training.distill import distill
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material

if TYPE_CHECKING:
    from tests.contract.conftest import Setting

FAMILIES = tuple(catalog().architectures.names())
TASKS = tuple(catalog().tasks.names())
LOSSES = tuple(catalog().losses.names())
PROMPTED = tuple(name for name in FAMILIES if catalog().architectures.get(name).prompted)
ROWS = ("answer", "last", "verbaliser")

Make = Callable[..., "Setting"]


def excluded(family: str, task: TaskSpec, loss: str) -> str:
    """Why a combination is not to be had; empty if it is."""
    spec, architecture = catalog().losses.get(loss), catalog().architectures.get(family)
    if task.kind == "generation":
        return "texts to be written have no labels to score; their distillation is sequence-level"
    if task.kind == "regression" and architecture.prompted:
        return "a model that answers in words gives no number"
    if task.kind == "regression" and not (spec.for_numbers or spec.slot == "match_loss"):
        return "one logit has no probabilities to compare"
    return ""


def distillation(loss: str, task: TaskSpec) -> dict[str, Any]:
    spec = catalog().losses.get(loss)
    if spec.slot == "kd_loss":
        return {"temperature": 2, "hard_label_weight": 0.5, "kd_loss_type": loss, "kd_loss_weight": 1.0}
    match = {"layer_T": 2, "layer_S": 1, "feature": "hidden", "loss": loss, "weight": 1.0}
    kd = "mse" if task.kind == "regression" else "kl"
    return {"temperature": 2, "kd_loss_type": kd, "intermediate_matches": [match]}


def state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def two_steps(setting: Setting) -> None:
    material = setting.material()
    teacher, student = state(material.teacher), state(material.student)
    folder = setting.config.training.output_dir
    journal = Journal(folder, ["student"])
    journal.cut("student", 0)
    distill(setting.config, material, journal, "student", setting.config.distillation.model_dump_json())
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(steps) == 2
    assert all(math.isfinite(step["total_loss"]) for step in steps)
    assert all(torch.equal(tensor, teacher[name]) for name, tensor in material.teacher.state_dict().items())
    assert any(not torch.equal(tensor, student[name]) for name, tensor in material.student.state_dict().items())


def loss_of(setting: Setting, material: Material, batch: dict[str, Any]) -> float:
    """The whole loss of one batch, without dropout."""
    distiller = SinkhornDistiller(
        textbrewer().TrainingConfig(output_dir=str(setting.config.training.output_dir), device="cpu"),
        DistillationConfig.from_options(setting.config.distillation),
        material.teacher,
        material.student.eval(),
        material.reader.adaptor,
        material.reader.adaptor,
    )
    attached = material.reader.attached
    attends = any(match.feature.endswith("attention") for match in setting.config.distillation.intermediate_matches)
    outputs = {"output_hidden_states": True, "output_attentions": attends}
    arguments = {**material.reader.forward_arguments, **outputs}
    with attached(material.teacher), attached(material.student), torch.no_grad():
        return float(distiller.train_on_batch(batch, arguments)[0])


def rows_of(material: Material, model: Any, examples: tuple[int, ...] = tuple(range(8))) -> torch.Tensor:
    """The rows that a model gives for some training examples."""
    batch = material.reader.collate([material.train[row] for row in examples])
    with material.reader.attached(model), torch.no_grad():
        outputs = model(**batch, **material.reader.forward_arguments)
        rows: torch.Tensor = material.reader.adaptor(batch, outputs)["logits"]
    return rows


def padded(batch: dict[str, torch.Tensor], more: int) -> dict[str, torch.Tensor]:
    """The same examples, padded further."""
    fill = {"answers": -100, "rows": False}
    return {
        name: torch.cat([value, torch.full((len(value), more), fill.get(name, 0), dtype=value.dtype)], dim=1)
        if value.dim() > 1
        else value
        for name, value in batch.items()
    }


def test_every_family_has_a_model() -> None:
    from tests.contract.conftest import MODELS

    assert set(FAMILIES) == set(MODELS)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_steps_by_every_loss(setting: Make, family: str, name: str) -> None:
    task = catalog().tasks.get(name)
    reasons = {loss: excluded(family, task, loss) for loss in LOSSES}
    for loss in (loss for loss, reason in reasons.items() if not reason):
        two_steps(setting(family, task, distillation(loss, task)))
    if all(reasons.values()):
        pytest.skip("; ".join(sorted(set(reasons.values()))))


@pytest.mark.parametrize("family", FAMILIES)
def test_two_steps_by_the_papers_loss(setting: Make, family: str) -> None:
    two_steps(
        setting(family, catalog().tasks.get("superglue/cb"), distillation("sinkd", catalog().tasks.get("reviews")))
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("family", FAMILIES)
def test_neither_padding_nor_order_changes_the_loss(setting: Make, family: str, loss: str) -> None:
    task = catalog().tasks.get("superglue/cb")
    ready = setting(family, task, distillation(loss, task))
    material = ready.material()
    examples = list(material.train)[:6]
    batch = material.reader.collate(examples)
    value = loss_of(ready, material, batch)
    assert value > 1e-3
    assert loss_of(ready, material, padded(batch, 5)) == pytest.approx(value, abs=1e-5, rel=1e-5)
    shuffled = material.reader.collate([examples[row] for row in (3, 0, 5, 1, 4, 2)])
    assert loss_of(ready, material, shuffled) == pytest.approx(value, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize(
    ("feature", "loss"),
    [("decoder_hidden", "hidden_mse"), ("decoder_hidden", "hidden_sinkhorn"), ("decoder_attention", "attention_mse")],
)
def test_the_decoders_states_are_compared_behind_their_own_mask(setting: Make, feature: str, loss: str) -> None:
    """Neither padding nor order changes the term, and micro-batches of unlike lengths make one group."""
    task = catalog().tasks.get("superglue/cb")
    match = {"layer_T": 2, "layer_S": 1, "feature": feature, "loss": loss, "weight": 1.0}
    block = {"kd_loss_type": "kl", "kd_loss_weight": 0, "intermediate_matches": [match]}
    prompt = {"template": "{premise} {hypothesis}", "verbalisers": ["warm", "a dull and very long story", "quite"]}
    ready = setting("encoder-decoder", task, block, prompt=prompt)
    material = ready.material()
    examples = list(material.train)[:6]
    batch = material.reader.collate(examples)
    value = loss_of(ready, material, batch)
    assert value > 1e-5
    assert loss_of(ready, material, padded(batch, 5)) == pytest.approx(value, abs=1e-6, rel=1e-5)
    shuffled = material.reader.collate([examples[row] for row in (3, 0, 5, 1, 4, 2)])
    assert loss_of(ready, material, shuffled) == pytest.approx(value, abs=1e-6, rel=1e-5)
    two_steps(setting("encoder-decoder", task, block, {"group_size": 4, "micro_batch_size": 1}, prompt=prompt))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_as_many_as_the_reader_counts(setting: Make, family: str, rows: str) -> None:
    """And the teacher's, spoken once for all examples, are those that it gives at every step."""
    task = catalog().tasks.get("superglue/cb")
    material = setting(family, task, distillation("kl", task), readout=rows).material()
    counts = list(material.reader.row_counts(material.train))
    assert material.teacher_rows is not None
    assert material.teacher_rows.kept["logits"].shape == (sum(counts), len(material.reader.columns))
    found = rows_of(material, material.teacher, (5, 0, 2))
    assert found.shape[0] == sum(counts[row] for row in (5, 0, 2))
    assert torch.allclose(material.teacher_rows.of(torch.tensor([5, 0, 2])), found, atol=1e-5)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_split_group_is_the_group(setting: Make, family: str, rows: str) -> None:
    """Two micro-batches of four train what one batch of eight trains."""
    task = catalog().tasks.get("superglue/cb")
    loss = {**distillation("kl", task), "sinkd": {"weight": 0.5}}
    rows_after = []
    for size, parts in ((8, 1), (4, 2)):
        optimizer = {"epochs": 1, "batch_size": size, "learning_rate": 1e-2, "warmup": 0}
        training = {"gradient_accumulation_steps": parts}
        ready = setting(family, task, loss, training, readout=rows, optimizer=optimizer)
        material = ready.material()
        distill(ready.config, material, Journal(ready.config.training.output_dir, ["student"]), "student", str(parts))
        rows_after.append(rows_of(material, material.student.eval()))
    # rows and not weights: Adam makes whole steps of the rounding errors where a gradient is zero
    assert torch.allclose(rows_after[0], rows_after[1], atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_spares_activations_and_changes_nothing(setting: Make, family: str) -> None:
    """A layer is computed once a step without it, and once more for its gradient with it."""
    task = catalog().tasks.get("superglue/cb")
    loss = {**distillation("kl", task), "sinkd": {"weight": 0.5}}
    rows, computed = [], []
    for wanted in (False, True):
        ready = setting(family, task, loss, {"gradient_checkpointing": wanted})
        material = ready.material()
        calls: list[int] = []
        layer = next(module for name, module in material.student.named_modules() if name.endswith(".0"))
        linear = next(module for module in layer.modules() if isinstance(module, torch.nn.Linear))
        handle = linear.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        distill(ready.config, material, Journal(ready.config.training.output_dir, ["student"]), "student", str(wanted))
        handle.remove()
        assert not any(getattr(module, "gradient_checkpointing", False) for module in material.student.modules())
        rows.append(rows_of(material, material.student.eval()))
        computed.append(len(calls))
    assert computed == [2, 4]
    assert torch.allclose(rows[0], rows[1], atol=1e-4)


@pytest.mark.parametrize("cache", ["auto", "off"])
@pytest.mark.parametrize("fillings", [(0, 28), (28, 0), (7, 28)])
@pytest.mark.parametrize("family", PROMPTED)
def test_vocabularies_filled_up_to_different_sizes(
    setting: Make, teachers: Callable[..., Path], family: str, fillings: tuple[int, int], cache: str
) -> None:
    """As T5's 32,100 tokens in 32,128 embeddings: teacher and student are compared on what is a token."""
    task = catalog().tasks.get("superglue/cb")
    student = str(teachers(family, task.labels, fillings[1]))
    loss = {**distillation("kl", task), "sinkd": {"weight": 0.5}}
    ready = setting(family, task, loss, {"teacher_cache": cache}, filling=fillings[0], student={"model": student})
    material = ready.material()
    for model in (material.teacher, material.student):
        assert rows_of(material, model).shape[1] == len(material.reader.columns)
    assert (material.teacher_rows is None) == (cache == "off")
    assert len({model.config.vocab_size for model in (material.teacher, material.student)}) == 2
    two_steps(ready)
