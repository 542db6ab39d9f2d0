"""Encoders: which models they are, how they load, and how a student is cut out of one."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from sinkd_plugin.architectures.encoder import Encoder
from sinkd_plugin.errors import ConfigError, ModelReferenceError

MakeModel = Callable[..., Path]
LABELS = ("bad", "good")


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "Electra", "DistilBert"])
def test_a_student_keeps_the_chosen_layers_and_everything_else(kind: str) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
    if kind == "DistilBert":
        sizes = {"dim": 16, "n_layers": 4, "n_heads": 2, "hidden_dim": 32}
    config = getattr(transformers, f"{kind}Config")(vocab_size=30, **sizes)
    teacher = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    student = Encoder().student_from_layers(teacher, [3, 1])
    assert student.config.num_hidden_layers == 2
    assert teacher.config.num_hidden_layers == 4
    states = student.state_dict(), teacher.state_dict()
    for name, tensor in states[0].items():
        origin = name.replace("layer.0.", "layer.3.") if "layer.0." in name else name
        assert torch.equal(tensor, states[1][origin]), name
        assert tensor.data_ptr() != states[1][origin].data_ptr(), "training the student must not move the teacher"


def test_all_layers_in_their_order_compute_what_the_teacher_does(make_model: MakeModel) -> None:
    teacher, tokenizer = Encoder().load(str(make_model(labels=2)), LABELS)
    student = Encoder().student_from_layers(teacher, [0, 1, 2]).eval()
    inputs = tokenizer("the film is lovely", return_tensors="pt")
    assert torch.equal(student(**inputs).logits, teacher.eval()(**inputs).logits)


@pytest.mark.parametrize("layers", [[3], [0, 0], [-1]])
def test_layers_that_do_not_exist(make_model: MakeModel, layers: list[int]) -> None:
    teacher, _ = Encoder().load(str(make_model()), LABELS)
    with pytest.raises(ConfigError, match="different layers from 0 to 2"):
        Encoder().student_from_layers(teacher, layers)


def test_a_model_whose_layers_are_one_is_refused() -> None:
    config = transformers.AlbertConfig(
        vocab_size=30, embedding_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2
    )
    with pytest.raises(ModelReferenceError, match="model of its own"):
        Encoder().student_from_layers(transformers.AlbertForSequenceClassification(config), [0, 2])


def test_a_new_head_has_the_tasks_labels_and_is_quiet(
    make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = Encoder().load(str(make_model()), ("a", "b", "c"))
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert model.config.num_labels == 3
    assert capsys.readouterr().err == ""


def remove(*names: str) -> Callable[[Path], Any]:
    def spoil(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return spoil


@pytest.mark.parametrize(
    ("settings", "labels", "spoil", "message"),
    [
        ({}, LABELS, remove("tokenizer.json", "vocab.txt"), r"must hold its tokenizer.*tokenizer\.save_pretrained"),
        ({}, LABELS, remove("model.safetensors"), "must hold its weights as safetensors"),
        ({}, LABELS, lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "transformers can load"),
        ({}, LABELS, lambda folder: (folder / "config.json").write_text("{"), "transformers can load"),
        ({}, LABELS, lambda folder: (folder / "config.json").write_text("{}"), "transformers can load"),
        ({"labels": 3}, LABELS, lambda folder: None, r"a head for 2 labels \(bad, good\).*with 3 labels"),
        ({"labels": 2, "id2label": {0: "GOOD", 1: "BAD"}}, LABELS, lambda folder: None, "in the order of the task's"),
    ],
)
def test_folders_that_will_not_do(
    make_model: MakeModel,
    tmp_path: Path,
    settings: dict[str, Any],
    labels: tuple[str, ...],
    spoil: Callable[[Path], Any],
    message: str,
) -> None:
    folder = Path(shutil.copytree(make_model(**settings), tmp_path / "model"))
    spoil(folder)
    with pytest.raises(ModelReferenceError, match=message):
        Encoder().load(str(folder), labels)


@pytest.mark.parametrize(
    ("names", "warning"),
    [
        (("bad", "GOOD"), None),
        (("negative", "positive"), "'negative' as 'bad', 'positive' as 'good'"),
        (("LABEL_0", "LABEL_1"), "'LABEL_0' as 'bad', 'LABEL_1' as 'good'"),
    ],
)
def test_other_names_for_the_labels_are_taken_in_their_order_with_a_warning(
    make_model: MakeModel, caplog: pytest.LogCaptureFixture, names: tuple[str, str], warning: str | None
) -> None:
    folder = make_model(labels=2, id2label=dict(enumerate(names)), label2id={name: n for n, name in enumerate(names)})
    with caplog.at_level(logging.WARNING):
        model, _ = Encoder().load(str(folder), LABELS)
    assert model.config.id2label == dict(enumerate(LABELS))
    assert (warning or "") in caplog.text
    assert bool(caplog.records) == (warning is not None)


def test_spellings_of_a_label_are_the_same_label(make_model: MakeModel, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_model(labels=2, id2label={0: "Entailment", 1: "not entailment"})
    Encoder().load(str(folder), ("entailment", "not_entailment"))
    assert not caplog.records
    with pytest.raises(ModelReferenceError, match="in the order of the task's"):
        Encoder().load(str(folder), ("not-entailment", "entailment"))


def test_a_head_is_needed_where_nothing_trains_one(make_model: MakeModel) -> None:
    with pytest.raises(ModelReferenceError, match="needs a trained classification head"):
        Encoder().load(str(make_model()), LABELS, needs_head=True)


def test_texts_are_cut_to_the_positions_of_the_model(make_model: MakeModel, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(make_model(labels=2), tmp_path / "model"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')  # says nothing of a length
    model, tokenizer = Encoder().load(str(folder), LABELS)
    inputs = tokenizer("film " * 100, truncation=True, return_tensors="pt")
    assert inputs["input_ids"].shape == (1, 40)
    assert torch.isfinite(model(**inputs).logits).all()


def test_positions_of_roberta_start_behind_its_padding() -> None:
    from sinkd_plugin.architectures.loading import limit_length

    config = transformers.RobertaConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=20,
    )
    model = transformers.RobertaForSequenceClassification(config)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=_tokenizer())
    limit_length(tokenizer, model)
    assert tokenizer.model_max_length == 18
    assert torch.isfinite(model(torch.full((1, 18), 5)).logits).all()


def _tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return Tokenizer(WordLevel({"x": 0}, unk_token="x"))
