"""What breaks in TextBrewer's own classes and works in ours: every test runs both, and stock must fail."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from sinkd_plugin import textbrewer as ours
from sinkd_plugin.errors import ConfigError, LossInputError, NonFiniteLossError
from sinkd_plugin.textbrewer.host import textbrewer

Adaptor = Callable[[Mapping[str, Any], Any], dict[str, Any]]
Models = tuple[Any, Any]
Batches = list[dict[str, Any]]
KINDS = ["BasicDistiller", "GeneralDistiller", "MultiTeacherDistiller", "MultiTaskDistiller"]


class Case:
    """One distiller of each class, stock or ours, on the same models."""

    def __init__(self, models: Models, train_config: Any, adapt: Adaptor) -> None:
        self.teacher, self.student = models
        self.train_config, self.adapt = train_config, adapt

    def build(self, side: Any, kind: str = "GeneralDistiller", **keys: Any) -> Any:
        settings = {"teacher": self.teacher, "adapt_S": self.adapt, "adapt_T": self.adapt, "extra": {}, **keys}
        options = {name: value for name, value in settings.items() if name not in _ROLES}
        teacher, adaptors = settings["teacher"], [settings["adapt_T"], settings["adapt_S"]]
        if kind == "MultiTeacherDistiller":
            teacher = [teacher, teacher]
        if kind == "MultiTaskDistiller":
            teacher, adaptors = {"one": teacher}, [{"one": each} for each in adaptors]
        config = textbrewer().DistillationConfig(**{"temperature": 2, **options})
        return getattr(side, kind)(
            settings.get("train_config", self.train_config),
            config,
            teacher,
            self.student,
            *adaptors,
            **settings["extra"],
        )

    def train(self, distiller: Any, loader: Any, lr: float = 0.05, **arguments: Any) -> Any:
        optimizer = torch.optim.SGD(self.student.parameters(), lr=lr)
        if isinstance(distiller, textbrewer().MultiTaskDistiller):
            loader, arguments = {"one": loader}, {"num_steps": 3, **arguments}
        distiller.train(
            optimizer, loader, **{"num_epochs": 1, **arguments} if "num_steps" not in arguments else arguments
        )
        return optimizer


_ROLES = ("teacher", "adapt_S", "adapt_T", "extra", "train_config")


@pytest.fixture
def case(models: Models, train_config: Any, adapt: Adaptor) -> Case:
    return Case(models, train_config, adapt)


def moved(case: Case, before: dict[str, Any]) -> float:
    return max(float((value - before[name]).abs().max()) for name, value in case.student.state_dict().items())


def state(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(case.student.state_dict())
    return found


def encoded(batches: Batches) -> list[Any]:
    return [transformers.BatchEncoding(dict(batch)) for batch in batches]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_transformers(kind: str, case: Case, batches: Batches) -> None:
    with pytest.raises((AttributeError, TypeError)):
        case.train(case.build(textbrewer(), kind), encoded(batches))
    before = state(case)
    case.train(case.build(ours, kind), encoded(batches))
    assert moved(case, before) > 0


@pytest.mark.parametrize("side", ["adapt_S", "adapt_T"])
def test_a_mask_on_one_side(side: str, case: Case, batches: Batches) -> None:
    def masked(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        mask = batch["attention_mask"].clone()
        mask[:, 5:] = 0
        return {**by_token(batch, outputs), "logits_mask": mask}

    roles: dict[str, Any] = {"adapt_S": by_token, "adapt_T": by_token, side: masked}
    with pytest.raises(RuntimeError, match="size"):
        case.train(case.build(textbrewer(), **roles), batches)
    with pytest.raises(LossInputError, match="from both adaptors or from neither"):
        case.train(case.build(ours, **roles), batches)


def by_token(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """Logits of each token, ``(batch, length, 3)``, made from the last hidden states."""
    return {"logits": outputs.hidden_states[-1][..., :3], "labels": batch["input_ids"] % 3}


@pytest.mark.parametrize("loss", ["ce", "sinkd", "sinkhorn", "kl", "mse"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_left_by_the_masks(kind: str, loss: str, case: Case, batches: Batches) -> None:
    def empty(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {**by_token(batch, outputs), "logits_mask": torch.zeros_like(batch["attention_mask"])}

    roles = {"adapt_S": empty, "adapt_T": empty, "kd_loss_type": loss}
    if loss == "ce":
        total, _ = one_pass(case.build(textbrewer(), kind, **roles), batches[0])
        assert torch.isnan(total)
    total, terms = one_pass(case.build(ours, kind, **roles), batches[0])
    assert total.item() == 0
    assert terms["unweighted_kd_loss"].item() == 0
    torch.autograd.backward(total)


def one_pass(distiller: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
    task = isinstance(distiller, textbrewer().MultiTaskDistiller)
    outcome: tuple[Any, dict[str, Any]] = distiller.train_on_batch((batch, "one") if task else batch, {})
    return outcome


@pytest.mark.parametrize("kind", KINDS)
def test_heads_of_unequal_number(kind: str, case: Case, batches: Batches) -> None:
    def two(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"logits": (outputs.logits, outputs.logits * 3)}

    one_pass(case.build(textbrewer(), kind, adapt_T=two), batches[0])  # the second head is dropped without a word
    with pytest.raises(LossInputError, match=r"same number of heads. Received: 1 and 2"):
        one_pass(case.build(ours, kind, adapt_T=two), batches[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_hard_label_weight_without_losses(kind: str, case: Case, batches: Batches) -> None:
    def bare(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"logits": outputs.logits}

    _, terms = one_pass(case.build(textbrewer(), kind, hard_label_weight=0.5, adapt_S=bare), batches[0])
    assert set(terms) == {"unweighted_kd_loss"}  # half of what was asked for is missing without a word
    with pytest.raises(LossInputError, match="must return 'losses'"):
        one_pass(case.build(ours, kind, hard_label_weight=0.5, adapt_S=bare), batches[0])


@pytest.mark.parametrize("kind", KINDS)
def test_probability_shift_leaves_the_teachers_logits_alone(kind: str, case: Case, batches: Batches) -> None:
    seen: list[tuple[Any, Any]] = []

    def watched(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        seen.append((outputs.logits, outputs.logits.clone()))
        return case.adapt(batch, outputs)

    roles = {"adapt_T": watched, "probability_shift": True}
    _, stock = one_pass(case.build(textbrewer(), kind, **roles), batches[0])
    changed = [not torch.equal(*pair) for pair in seen]
    assert any(changed) or kind == "MultiTeacherDistiller"  # there the mean of the teachers is a new tensor
    seen.clear()
    _, mended = one_pass(case.build(ours, kind, **roles), batches[0])
    assert all(torch.equal(*pair) for pair in seen)
    assert mended["unweighted_kd_loss"].item() == pytest.approx(stock["unweighted_kd_loss"].item(), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_probability_shift_with_a_mask(kind: str, case: Case, batches: Batches) -> None:
    def masked(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        mask = batch["attention_mask"].clone()
        mask[:, 5:] = 0
        return {**by_token(batch, outputs), "logits_mask": mask}

    def short(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {name: value[:, :5] for name, value in by_token(batch, outputs).items()}

    roles: dict[str, Any] = {"probability_shift": True}
    with pytest.raises((IndexError, RuntimeError)):
        one_pass(case.build(textbrewer(), kind, adapt_S=masked, adapt_T=masked, **roles), batches[0])
    total, _ = one_pass(case.build(ours, kind, adapt_S=masked, adapt_T=masked, **roles), batches[0])
    wanted, _ = one_pass(case.build(ours, kind, adapt_S=short, adapt_T=short, **roles), batches[0])
    assert total.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_probability_shift_without_a_true_class(case: Case, batches: Batches) -> None:
    def unlabelled(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"logits": outputs.logits, "labels": torch.full_like(batch["labels"], -100)}

    roles: dict[str, Any] = {"adapt_S": unlabelled, "adapt_T": unlabelled}
    with pytest.raises(IndexError):
        one_pass(case.build(textbrewer(), probability_shift=True, **roles), batches[0])
    shifted, _ = one_pass(case.build(ours, probability_shift=True, **roles), batches[0])
    plain, _ = one_pass(case.build(ours, **roles), batches[0])
    assert shifted.item() == plain.item()


def test_probability_shift_without_labels(case: Case, batches: Batches) -> None:
    def bare(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"logits": outputs.logits}

    with pytest.raises(KeyError):
        one_pass(case.build(textbrewer(), probability_shift=True, adapt_S=bare), batches[0])
    with pytest.raises(LossInputError, match=r"needs 'labels'.*0 for 1 heads"):
        one_pass(case.build(ours, probability_shift=True, adapt_S=bare), batches[0])


@pytest.mark.parametrize("kind", KINDS)
def test_weight_schedulers_scale_the_weight_that_was_given(kind: str, case: Case, batches: Batches) -> None:
    keys = {
        "kd_loss_weight": 0.8,
        "kd_loss_weight_scheduler": "linear_decay",
        "hard_label_weight": 0.2,
        "hard_label_weight_scheduler": "linear_growth",
    }
    stock = case.build(textbrewer(), kind, **keys)
    case.train(stock, batches)
    assert (stock.d_config.kd_loss_weight, stock.d_config.hard_label_weight) == (0, 1)  # neither 0.8 nor 0.2 any more
    config = textbrewer().DistillationConfig(**keys)
    before = dict(vars(config))
    heard: list[Mapping[str, float]] = []
    mended = case.build(ours, kind, **keys, extra={"observer": lambda step, terms: heard.append(terms)})
    case.train(mended, batches)
    assert [terms["weight_kd_loss"] for terms in heard] == pytest.approx([0.8, 0.8 * 2 / 3, 0.8 / 3])
    assert [terms["weight_hard_label_loss"] for terms in heard] == pytest.approx([0, 0.2 / 3, 0.2 * 2 / 3])
    assert (mended.d_config.kd_loss_weight, mended.d_config.hard_label_weight) == (0.8, 0.2)
    assert vars(config) == before


def test_the_callers_configuration_is_never_changed(case: Case, train_config: Any, batches: Batches) -> None:
    for side, left in ((textbrewer(), False), (ours, True)):
        config = textbrewer().DistillationConfig(is_caching_logits=True)
        side.GeneralDistiller(train_config, config, case.teacher, case.student, case.adapt, case.adapt)
        assert config.is_caching_logits is left


def accumulating(train_config: Any, steps: int) -> Any:
    found = copy.copy(train_config)
    found.gradient_accumulation_steps = steps
    return found


@pytest.mark.parametrize("kind", ["BasicDistiller", "GeneralDistiller", "MultiTeacherDistiller"])
def test_more_accumulation_than_batches(kind: str, case: Case, train_config: Any, batches: Batches) -> None:
    config, before = accumulating(train_config, 4), state(case)
    case.train(case.build(textbrewer(), kind, train_config=config), batches)
    assert moved(case, before) == 0  # nothing was trained, without a word
    with pytest.raises(ConfigError, match=r"must not exceed the number of batches in the loader. Received: 4, and 3"):
        case.train(case.build(ours, kind, train_config=config), batches)


def test_batches_left_over_at_the_end_of_an_epoch(case: Case, train_config: Any, batches: Batches) -> None:
    config, start = accumulating(train_config, 2), state(case)
    case.train(case.build(textbrewer(), train_config=config), batches)
    stock = state(case)
    case.student.load_state_dict(start)
    case.train(case.build(textbrewer(), train_config=config), batches[:2])
    assert moved(case, stock) == 0  # the third batch taught nothing
    case.train(case.build(textbrewer(), train_config=accumulating(train_config, 1)), batches[2:])
    wanted = state(case)  # two batches averaged, then one that counts in full
    case.student.load_state_dict(start)
    case.train(case.build(ours, train_config=config), batches)
    assert moved(case, wanted) < 1e-6
    assert moved(case, stock) > 1e-5


def matches(case: Case, side: Any) -> list[Any]:
    weights = [(case.teacher.bert.encoder.layer[1], case.student.bert.encoder.layer[0], 0.5)]
    weights.append((case.teacher.bert.pooler, case.student.bert.pooler, 2.0))
    projection = torch.nn.Linear(16, 16)
    torch.nn.init.eye_(projection.weight)
    torch.nn.init.zeros_(projection.bias)
    custom = textbrewer().distiller_utils.CustomMatch

    def squared(student: Any, teacher: Any, student_mask: Any, teacher_mask: Any) -> Any:
        return (student - teacher).pow(2).mean()

    return [custom(one, two, weight, squared, projection, {"lr": 0.01}) for one, two, weight in weights]


def test_custom_matches(case: Case, batches: Batches) -> None:
    stock = case.build(textbrewer(), extra={"custom_matches": matches(case, textbrewer())})
    with pytest.raises(KeyError, match="match_weghts"):
        one_pass(stock, batches[0])
    given = matches(case, ours)
    mended = case.build(ours, extra={"custom_matches": given})
    total, terms = one_pass(mended, batches[0])
    with torch.no_grad():
        teacher, student = (model(**batches[0]) for model in (case.teacher, case.student))
        wanted = (student.hidden_states[-1] - teacher.hidden_states[-1]).pow(2).mean()
    assert terms["unweighted_custom_match_0"].item() == pytest.approx(wanted.item(), rel=1e-5)
    weighted = 0.5 * terms["unweighted_custom_match_0"] + 2 * terms["unweighted_custom_match_1"]
    assert total.item() == pytest.approx((terms["unweighted_kd_loss"] + weighted).item(), rel=1e-5)
    projection = given[0].proj_func
    before = projection.weight.detach().clone()
    heard: list[int] = []
    case.train(mended, batches, callback=lambda model, step: heard.append(len(model(**batches[0]).logits)))
    assert heard == [5]  # the callback's own passes do not disturb the matches
    assert not torch.equal(projection.weight, before)


def test_match_losses_of_textbrewer_by_name(case: Case, batches: Batches) -> None:
    pair = {"module_T": case.teacher.bert.encoder.layer[1], "module_S": case.student.bert.encoder.layer[0]}
    mended = case.build(ours, extra={"custom_matches": [{**pair, "weight": 1.0, "loss": "hidden_mse"}]})
    _, terms = one_pass(mended, batches[0])
    match = {"layer_T": 2, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0}
    _, layers = one_pass(case.build(ours, intermediate_matches=[match]), batches[0])
    assert terms["unweighted_custom_match_0"].item() == layers["unweighted_hidden_hidden_mse_1_2"].item()


def test_a_layer_that_is_not_there(case: Case, batches: Batches) -> None:
    match = {"layer_T": 7, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0}
    with pytest.raises(LossInputError, match=r"layer 7 of 'hidden' from the adaptor of model_T. Received: 3 layers"):
        one_pass(case.build(ours, intermediate_matches=[match]), batches[0])


@pytest.mark.parametrize("kind", ["GeneralDistiller", "MultiTaskDistiller"])
def test_projections_survive_a_second_call_of_train(kind: str, case: Case, batches: Batches) -> None:
    match = {"layer_T": 2, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0}
    keys = {"intermediate_matches": [{**match, "proj": ["linear", 16, 16]}]}
    for side in (textbrewer(), ours):
        distiller = case.build(side, kind, **copy.deepcopy(keys))
        optimizer = case.train(distiller, batches)
        loader, length = ({"one": batches}, {"num_steps": 1}) if "Task" in kind else (batches, {"num_epochs": 1})
        if side is ours:
            distiller.train(optimizer, loader, **length)
        else:
            with pytest.raises(ValueError, match="more than one parameter group"):
                distiller.train(optimizer, loader, **length)


def poisoned(adapt: Adaptor, broken: str, when: int) -> Adaptor:
    calls: list[int] = []

    def found(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        calls.append(1)
        results = adapt(batch, outputs)
        if len(calls) == when:
            hurt = torch.ones_like(results[broken])
            hurt.view(-1, hurt.shape[-1] if hurt.dim() else 1)[-1] = float("nan")  # the last row alone
            results[broken] = results[broken] * hurt
        return results

    return found


def without_index(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name != "index"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", ["logits", "losses"])
def test_a_loss_that_is_not_a_number(broken: str, kind: str, case: Case, batches: Batches) -> None:
    keys = {"hard_label_weight": 0.5}
    start = state(case)
    case.train(case.build(textbrewer(), kind, adapt_S=poisoned(case.adapt, broken, 2), **keys), batches)
    assert all(weight.isnan().any() for weight in case.student.classifier.parameters())  # without a word
    case.student.load_state_dict(start)
    indexed = [{**batch, "index": torch.arange(5) + 10} for batch in batches]
    post: Any = {"one": without_index} if kind == "MultiTaskDistiller" else without_index
    key = "batch_postprocessors" if kind == "MultiTaskDistiller" else "batch_postprocessor"
    mended = case.build(ours, kind, adapt_S=poisoned(case.adapt, broken, 1), **keys)
    with pytest.raises(NonFiniteLossError) as caught:
        case.train(mended, indexed, **{key: post})
    said = str(caught.value)
    assert "at step 0" in said
    assert ("logits" if broken == "logits" else "unweighted_hard_label_loss nan") in said
    assert ("examples 14;" if broken == "logits" else "examples 10, 11, 12, 13, 14;") in said
    assert moved(case, start) == 0
    folder = Path(case.train_config.output_dir) / "non_finite_step0"
    assert str(folder) in said
    assert not list(folder.glob("*.pkl"))


def test_the_state_that_is_saved_is_the_state_before(case: Case, batches: Batches) -> None:
    from safetensors.torch import load_file

    optimizer = torch.optim.AdamW(case.student.parameters(), lr=1e-3)
    distiller = case.build(ours, adapt_S=poisoned(case.adapt, "logits", 3))
    with pytest.raises(NonFiniteLossError, match="at step 2"):
        distiller.train(optimizer, batches, num_epochs=1)
    folder = Path(case.train_config.output_dir) / "non_finite_step2"
    kept = load_file(folder / "student.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in case.student.state_dict().items())
    assert torch.equal(load_file(folder / "batch.safetensors")["batch.input_ids"], batches[2]["input_ids"])
    moments = load_file(folder / "optimizer.safetensors")
    assert torch.equal(moments["0.exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])
    facts = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    assert facts["step"] == 2
    assert facts["optimizer"][0]["lr"] == 1e-3


def test_a_gradient_that_is_not_a_number(case: Case, batches: Batches) -> None:
    def steep(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {**case.adapt(batch, outputs), "losses": (outputs.logits - outputs.logits).abs().sqrt().sum()}

    before = state(case)
    with pytest.raises(NonFiniteLossError, match=r"gradient must be finite.* Received: norm nan at step 0"):
        case.train(case.build(ours, adapt_S=steep, hard_label_weight=1), batches)
    assert moved(case, before) == 0


@pytest.mark.parametrize("kind", [*KINDS, "BasicTrainer"])
def test_a_cuda_that_is_not_there(
    kind: str, case: Case, batches: Batches, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if torch.cuda.is_available():
        pytest.skip("here CUDA is there")
    config = textbrewer().TrainingConfig(output_dir=str(tmp_path / "out"), ckpt_steps=1)
    assert config.device == "cuda"

    def build(side: Any) -> Any:
        if kind == "BasicTrainer":
            return side.BasicTrainer(config, case.student, case.adapt)
        return case.build(side, kind, train_config=config)

    with pytest.raises((AssertionError, RuntimeError), match="CUDA"):
        case.train(build(textbrewer()), batches)
    with caplog.at_level(logging.WARNING, logger="Distillation"):
        case.train(build(ours), batches)
    assert "using the CPU" in caplog.text
    assert config.device == "cuda"


@pytest.mark.parametrize("kind", KINDS)
def test_a_teacher_that_nobody_put_into_evaluation_mode(kind: str, case: Case, batches: Batches) -> None:
    case.teacher.train()
    case.teacher.bert.embeddings.eval()
    case.student.eval()
    modes: list[tuple[bool, bool]] = []

    def watched(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        modes.append((case.teacher.training, case.student.training))
        return case.adapt(batch, outputs)

    case.train(case.build(textbrewer(), kind, adapt_S=watched), batches[:1])
    assert modes[0] == (True, False)  # dropout in the teacher, none in the student
    case.student.eval()
    modes.clear()
    case.train(case.build(ours, kind, adapt_S=watched), batches[:1])
    assert set(modes) == {(False, True)}
    found = case.teacher.training, case.teacher.bert.embeddings.training, case.student.training
    assert found == (True, False, False)  # every module as it was


@pytest.mark.parametrize("kind", ["BasicDistiller", "MultiTeacherDistiller"])
def test_cached_logits_of_batches_for_each_model(kind: str, case: Case, batches: Batches) -> None:
    def masked(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {**by_token(batch, outputs), "logits_mask": batch["attention_mask"]}

    keys = {"is_caching_logits": True, "adapt_T": masked, "adapt_S": masked}
    pairs = [{"teacher": batch, "student": batch} for batch in encoded(batches)]
    with pytest.raises(TypeError):
        case.train(case.build(textbrewer(), kind, **keys), pairs)
    start = state(case)
    calls: list[int] = []
    hook = case.teacher.register_forward_hook(lambda *_: calls.append(1))
    case.train(case.build(ours, kind, **keys), pairs, num_epochs=2)
    hook.remove()
    assert len(calls) == 3 * (2 if kind == "MultiTeacherDistiller" else 1)  # once a batch and teacher, for two epochs
    assert moved(case, start) > 0


def test_caching_needs_epochs(case: Case, batches: Batches) -> None:
    with pytest.raises(ConfigError, match="'is_caching_logits' needs 'num_epochs'"):
        case.train(case.build(ours, "BasicDistiller", is_caching_logits=True), batches, num_steps=2)


@pytest.mark.parametrize("length", [{"num_epochs": 3}, {"num_steps": 5}])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_where_stock_works_ours_does_the_same(
    kind: str, length: dict[str, int], case: Case, train_config: Any, batches: Batches, tmp_path: Path
) -> None:
    start, found = state(case), []
    for number, side in enumerate((textbrewer(), ours)):
        case.student.load_state_dict(start)
        config = copy.copy(train_config)
        config.output_dir = str(tmp_path / str(number))
        config.ckpt_frequency, config.ckpt_epoch_frequency, config.ckpt_steps = 2, 2, 2
        Path(config.output_dir).mkdir()
        heard: list[int] = []
        keys: dict[str, Any] = {"kd_loss_type": "sinkd", "kd_loss_weight": 0.5, "hard_label_weight": 0.5}
        distiller = case.build(side, kind, train_config=config, **keys)
        calls: dict[str, Any] = {
            "max_grad_norm": 0.1,
            "callback": lambda model, step, heard=heard: heard.append(step),
            **length,
        }
        with distiller:
            case.train(
                distiller,
                batches,
                scheduler_class=torch.optim.lr_scheduler.StepLR,
                scheduler_args={"step_size": 1},
                **calls,
            )
        found.append((heard, sorted(path.name for path in Path(config.output_dir).iterdir()), state(case)))
    assert found[0][:2] == found[1][:2]
    assert len(found[0][0]) > 1
    assert all(torch.allclose(value, found[1][2][name], atol=1e-6) for name, value in found[0][2].items())


def test_apex_is_refused_with_its_replacement(case: Case, train_config: Any, batches: Batches) -> None:
    config = copy.copy(train_config)
    config.fp16 = True
    with pytest.raises(ImportError, match="apex"):
        case.train(case.build(textbrewer(), train_config=config), batches)
    with pytest.raises(ConfigError, match=r"precision='bf16'"):
        case.train(case.build(ours, train_config=config), batches)


def test_steps_without_a_checkpoint_interval(case: Case, train_config: Any, batches: Batches) -> None:
    config = copy.copy(train_config)
    config.ckpt_steps = None
    with pytest.raises(TypeError):
        case.train(case.build(textbrewer(), train_config=config), batches, num_steps=2)
    case.train(case.build(ours, train_config=config), batches, num_steps=2)
    assert [path.name for path in Path(config.output_dir).glob("*.pkl")] == ["gs2.pkl"]


@pytest.mark.parametrize("once", [True, False], ids=["gone through once", "empty"])
def test_a_loader_that_runs_dry_is_an_error_and_no_silence(once: bool, case: Case, batches: Batches) -> None:
    loader = iter(encoded(batches)) if once else iter(())
    with pytest.raises(ConfigError, match="must give batches for all 'num_steps'"):
        case.train(case.build(ours, "GeneralDistiller"), loader, num_steps=1000)
