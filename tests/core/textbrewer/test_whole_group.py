"""Accumulated micro-batches train what one large batch trains: a loss of all rows, not the mean of losses of a few."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from sinkd_plugin import textbrewer as ours
from sinkd_plugin.errors import ConfigError, LossInputError, NonFiniteLossError
from sinkd_plugin.losses import kl
from sinkd_plugin.losses.sinkhorn import SinkhornLoss

Batch = dict[str, Any]
KEYS: dict[str, Any] = {
    "temperature": 2,
    "hard_label_weight": 0.2,
    "kd_loss_weight": 0.5,
    "kd_loss_type": "kl",
    "sinkd": {"weight": 0.8},
}
HIDDEN = {"layer_T": 2, "layer_S": -1, "feature": "hidden", "loss": "hidden_mse", "weight": 0.7}
POOLED = {"layer_T": 1, "layer_S": 1, "feature": "hidden", "loss": "hidden_sinkhorn", "weight": 0.3}
ATTENTION = {"layer_T": 1, "layer_S": 0, "feature": "attention", "loss": "attention_ce", "weight": 0.4}


@pytest.fixture
def pair(models: tuple[Any, Any]) -> tuple[Any, Any]:
    """In double precision, so that only a wrong objective can differ, and never rounding."""
    teacher, student = models
    for model in models:
        diverse(model.double().eval())
    return teacher, student


@torch.no_grad()
def diverse(model: Any) -> None:
    """Logits that differ between examples, by 2 around 0: where all rows are alike, every plan costs the same."""
    logits = model(**examples(64)).logits
    scale = 2 / logits.std(0)
    model.classifier.weight.mul_(scale.unsqueeze(1))
    model.classifier.bias.sub_(logits.mean(0)).mul_(scale)


def examples(count: int = 12, *, ragged: bool = False) -> Batch:
    draw = torch.Generator().manual_seed(5)
    lengths = torch.randint(2, 9, (count,), generator=draw) if ragged else torch.full((count,), 8)
    mask = (torch.arange(8) < lengths.unsqueeze(1)).long()
    return {
        "input_ids": torch.randint(1, 30, (count, 8), generator=draw) * mask,
        "attention_mask": mask,
        "labels": torch.randint(0, 3, (count,), generator=draw),
    }


def cut(batch: Batch, sizes: list[int]) -> list[Batch]:
    """Micro-batches, each padded to its own longest text."""
    parts = zip(*(value.split(sizes) for value in batch.values()), strict=True)
    found = [dict(zip(batch, part, strict=True)) for part in parts]
    for part in found:
        longest = int(part["attention_mask"].sum(1).max())
        part.update({name: part[name][:, :longest] for name in ("input_ids", "attention_mask")})
    return found


def adapt(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    return {
        "logits": outputs.logits,
        "losses": outputs.loss,
        "hidden": outputs.hidden_states,
        "attention": outputs.attentions or (),
        "inputs_mask": batch["attention_mask"],
    }


def step(pair: tuple[Any, Any], batches: list[Batch], train_config: Any, **options: Any) -> dict[str, torch.Tensor]:
    """What one optimiser step over all of the batches adds to the student, and to the projections if there are any."""
    teacher, student = pair[0], copy.deepcopy(pair[1])
    adaptor, matches = options.pop("adaptor", adapt), options.pop("matches", [])
    kind = options.pop("kind", ours.SinkhornDistiller)
    config = ours.DistillationConfig(**{**KEYS, "intermediate_matches": matches, **options.pop("keys", {})})
    settings = copy.copy(train_config)
    settings.gradient_accumulation_steps = len(batches)
    torch.manual_seed(1)  # of the projections
    if "custom" in options:
        options["custom_matches"] = options.pop("custom")(teacher, student)
    distiller = kind(settings, config, teacher, student, adaptor, adaptor, **options)
    for projection in filter(None, getattr(distiller, "projs", [])):
        projection.double()
    before = parts_of(distiller, student)
    torch.manual_seed(2)  # of the dropout
    arguments = {"output_attentions": True} if ATTENTION in matches else {}
    distiller.train(torch.optim.SGD(student.parameters(), lr=1.0), batches, num_epochs=1, **arguments)
    return {name: value - before[name] for name, value in parts_of(distiller, student).items()}


def parts_of(distiller: Any, student: Any) -> dict[str, torch.Tensor]:
    projections = [projection for projection in getattr(distiller, "projs", []) if projection is not None]
    states = [student, *projections]
    return {
        f"{number}.{name}": value.clone()
        for number, module in enumerate(states)
        for name, value in module.state_dict().items()
    }


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Euclidean distance, relative to the length of ``other``."""
    squares = sum(float((one[name] - other[name]).pow(2).sum()) for name in other)
    length = sum(float(value.pow(2).sum()) for value in other.values())
    assert length > 0, "it must have moved"
    return float((squares / length) ** 0.5)


@pytest.mark.parametrize("sizes", [[4, 4, 4], [6, 6], [1] * 12, [5, 4, 3]], ids=str)
def test_micro_batches_give_the_update_of_one_batch(pair: tuple[Any, Any], train_config: Any, sizes: list[int]) -> None:
    batch = examples()
    whole = step(pair, [batch], train_config)
    assert difference(step(pair, cut(batch, sizes), train_config), whole) < 1e-9
    alone = step(pair, cut(batch, sizes), train_config, scope="local")
    assert difference(alone, whole) > 5e-2, "groups of a few rows are another objective: the test must be able to tell"


def test_dropout_is_the_same_when_a_micro_batch_is_heard_again(pair: tuple[Any, Any], train_config: Any) -> None:
    teacher, student = pair
    for module in student.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.3
    parts = cut(examples(), [4, 4, 4])
    found = step(pair, parts, train_config)
    by_hand = copy.deepcopy(student).train()
    torch.manual_seed(2)
    with torch.no_grad():
        theirs = torch.cat([teacher(**part).logits for part in parts])
    said = [by_hand(**part) for part in parts]  # with all graphs at once, which is what needs the memory
    logits, hard = torch.cat([each.logits for each in said]), torch.stack([each.loss for each in said]).mean()
    torch.autograd.backward(0.2 * hard + 0.5 * kl(logits, theirs, 2.0) + 0.8 * SinkhornLoss()(logits, theirs))
    wanted = {f"0.{name}": -weight.grad for name, weight in by_hand.named_parameters()}
    assert difference(found, wanted) < 1e-9


def test_generators_go_on_as_if_each_micro_batch_had_been_heard_once(pair: tuple[Any, Any], train_config: Any) -> None:
    pair[1].bert.embeddings.dropout.p = 0.3
    parts = cut(examples(), [4, 4, 4])
    step(pair, parts, train_config)
    after = torch.rand(1)
    torch.manual_seed(2)
    pair[1].train()
    for part in parts:
        pair[1](**part)
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize(
    "matches",
    [[HIDDEN], [{**HIDDEN, "proj": ["linear", 16, 16]}], [POOLED, HIDDEN], [ATTENTION]],
    ids=["hidden", "projected", "two", "attention"],
)
def test_hidden_layers_are_compared_as_in_one_batch(
    pair: tuple[Any, Any], train_config: Any, matches: list[dict[str, Any]], ragged: bool
) -> None:
    batch = examples(ragged=ragged)
    whole = step(pair, [batch], train_config, matches=matches)
    assert difference(step(pair, cut(batch, [4, 4, 4]), train_config, matches=matches), whole) < 1e-9
    without = step(pair, [batch], train_config)
    assert difference({name: whole[name] for name in without}, without) > 1e-4, "the match must matter"


def test_modules_are_compared_as_in_one_batch(pair: tuple[Any, Any], train_config: Any) -> None:
    def squared(student: Any, teacher: Any, student_mask: Any, teacher_mask: Any) -> Any:
        return ((student - teacher).pow(2) * student_mask.unsqueeze(-1)).sum() / student_mask.sum()

    def custom(teacher: Any, student: Any) -> list[dict[str, Any]]:
        modules = {"module_T": teacher.bert.encoder.layer[1], "module_S": student.bert.encoder.layer[0]}
        return [{**modules, "weight": 0.5, "loss": squared}]

    batch = examples(ragged=True)
    whole = step(pair, [batch], train_config, custom=custom)
    assert difference(step(pair, cut(batch, [3, 4, 5]), train_config, custom=custom), whole) < 1e-9
    assert difference(whole, step(pair, [batch], train_config)) > 1e-4


def test_several_teachers(pair: tuple[Any, Any], train_config: Any) -> None:
    second = copy.deepcopy(pair[0])
    with torch.no_grad():
        second.classifier.weight.mul_(-1)
    teachers = ([pair[0], second], pair[1])
    kind = {"kind": ours.MultiTeacherDistiller, "scope": "global"}
    batch = examples()
    whole = step(teachers, [batch], train_config, **kind)
    assert difference(step(teachers, cut(batch, [4, 8]), train_config, **kind), whole) < 1e-9


def token_labels(batch: Batch) -> Batch:
    """Labels of tokens, of which each example has another number."""
    draw = torch.Generator().manual_seed(6)
    labels = torch.randint(0, 16, batch["input_ids"].shape, generator=draw)
    return {**batch, "labels": labels.masked_fill(batch["attention_mask"] == 0, -100)}


def by_token(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """The last hidden layer as logits of 16 classes a token, masked, with the loss of the labels that count."""
    logits = outputs.hidden_states[-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch["labels"])
    return {"logits": logits, "logits_mask": batch["attention_mask"], "losses": losses, "labels": batch["labels"]}


class Unlabelled(torch.nn.Module):
    """A model that leaves the labels to the adaptor."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, labels: Any, **inputs: Any) -> Any:
        return self.model(**inputs)


def test_tokens_of_texts_of_several_lengths(pair: tuple[Any, Any], train_config: Any) -> None:
    both = Unlabelled(pair[0]), Unlabelled(pair[1])
    batch = token_labels(examples(ragged=True))
    whole = step(both, [batch], train_config, adaptor=by_token)
    assert difference(step(both, cut_labels(batch, [5, 4, 3]), train_config, adaptor=by_token), whole) < 1e-9


def cut_labels(batch: Batch, sizes: list[int]) -> list[Batch]:
    parts = cut(batch, sizes)
    for part in parts:
        part["labels"] = part["labels"][:, : part["input_ids"].shape[1]]
    return parts


def test_probability_shift_finds_its_labels(pair: tuple[Any, Any], train_config: Any) -> None:
    def labelled(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {**adapt(batch, outputs), "labels": batch["labels"]}

    options: dict[str, Any] = {"keys": {"probability_shift": True}, "adaptor": labelled}
    batch = examples()
    whole = step(pair, [batch], train_config, **options)
    assert difference(step(pair, cut(batch, [4, 8]), train_config, **options), whole) < 1e-9


def test_lengths_that_nothing_masks_are_refused(pair: tuple[Any, Any], train_config: Any) -> None:
    def unmasked(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {name: value for name, value in adapt(batch, outputs).items() if name != "inputs_mask"}

    parts = cut(examples(ragged=True), [1] * 12)
    with pytest.raises(LossInputError, match=r"must have 'student\.hidden\.1' of one shape.*scope 'local'"):
        step(pair, parts, train_config, matches=[HIDDEN], adaptor=unmasked)


def test_a_group_is_logged_once_and_says_what_it_weighs(pair: tuple[Any, Any], train_config: Any) -> None:
    heard: list[Mapping[str, float]] = []
    options = {"observer": lambda number, terms: heard.append({"step": number, **terms})}
    batch = examples()
    step(pair, [batch], train_config, **options)
    step(pair, cut(batch, [4, 4, 4]), train_config, **options)
    assert [terms["step"] for terms in heard] == [0, 0]
    whole, parts = heard
    # the models' own loss is no function of the rows that were put together
    assert parts.keys() == whole.keys() - {"gradient_share_hard_label_loss"}
    shares = [terms["gradient_share_sinkhorn_loss"] / terms["gradient_share_kd_loss"] for terms in heard]
    assert shares[1] == pytest.approx(shares[0], rel=1e-6)
    assert parts["total_loss"] == pytest.approx(whole["total_loss"], rel=1e-6)


def test_bf16_too(pair: tuple[Any, Any], train_config: Any) -> None:
    both = pair[0].float(), pair[1].float()
    batch = examples()
    whole = step(both, [batch], train_config, precision="bf16")
    assert difference(step(both, cut(batch, [4, 4, 4]), train_config, precision="bf16"), whole) < 0.02
    assert difference(step(both, cut(batch, [1] * 12), train_config, precision="bf16", scope="local"), whole) > 0.2


@pytest.mark.parametrize("sizes", [[4, 4, 4], [12]])
@pytest.mark.parametrize("rows", [1, 3])
def test_the_example_that_is_no_number_is_named(
    pair: tuple[Any, Any], train_config: Any, rows: int, sizes: list[int]
) -> None:
    """Also where an example has several rows, which the adaptor tells by ``row_examples``."""

    def breaking(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        found = adapt(batch, outputs)
        logits = found["logits"].masked_fill(batch["broken"].unsqueeze(1), float("nan"))
        owners = {"row_examples": torch.arange(len(logits)).repeat_interleave(rows)} if rows > 1 else {}
        return {"losses": found["losses"], "logits": logits.repeat_interleave(rows, dim=0), **owners}

    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    parts = [
        {**part, "index": torch.arange(size) + start}
        for part, size, start in zip(cut(examples(), sizes), sizes, starts, strict=True)
    ]
    both = Unindexed(pair[0]), Unindexed(pair[1])
    for part in parts:
        part["broken"] = part["index"] == 6
    before = copy.deepcopy(pair[1].state_dict())
    with pytest.raises(NonFiniteLossError, match=r"logits must be finite.*in examples 6; the state before"):
        step(both, parts, train_config, adaptor=breaking)
    assert all(torch.equal(value, before[name]) for name, value in pair[1].state_dict().items())


class Unindexed(Unlabelled):
    def forward(self, labels: Any, index: Any = None, broken: Any = None, **inputs: Any) -> Any:
        return self.model(labels=labels, **inputs)


def test_textbrewers_own_names_keep_textbrewers_groups(pair: tuple[Any, Any], train_config: Any) -> None:
    parts = cut(examples(), [4, 4, 4])
    local = step(pair, parts, train_config, kind=ours.GeneralDistiller)
    assert difference(local, step(pair, parts, train_config, scope="local")) < 1e-12
    whole = step(pair, parts, train_config, kind=ours.GeneralDistiller, scope="global")
    assert difference(whole, step(pair, parts, train_config)) < 1e-12


def test_rows_of_two_tasks_never_meet(pair: tuple[Any, Any], train_config: Any) -> None:
    with pytest.raises(ConfigError, match=r"keeps the rows of two tasks apart.*scope 'global'"):
        ours.MultiTaskDistiller(
            train_config,
            ours.DistillationConfig(**KEYS),
            {"one": pair[0]},
            pair[1],
            {"one": adapt},
            {"one": adapt},
            scope="global",
        )
