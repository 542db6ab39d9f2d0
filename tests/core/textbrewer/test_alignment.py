"""Whose classes are whose: the teacher's logits in the student's order and number, or an error that says what to do."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.textbrewer import GeneralDistiller, MultiTeacherDistiller, alignment
from sinkd_plugin.textbrewer.alignment import aligned
from sinkd_plugin.textbrewer.host import textbrewer

LOGITS = torch.tensor([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]])


@pytest.fixture(autouse=True)
def _notes_are_new() -> None:
    alignment._note.cache_clear()


def model(**config: Any) -> Any:
    return SimpleNamespace(config=SimpleNamespace(**config))


def labelled(*names: str) -> Any:
    return model(label2id={name: number for number, name in enumerate(names)})


def both(student: Any, teacher: Any, ours: Any = LOGITS, theirs: Any = LOGITS) -> tuple[Any, Any]:
    one, two = aligned({"logits": [ours]}, {"logits": [theirs]}, student, teacher)
    return one["logits"][0], two["logits"][0]


def test_labels_in_another_order(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="Distillation"):
        for _ in range(3):
            ours, theirs = both(
                labelled("entailment", "neutral", "contradiction"), labelled("contradiction", "ENTAILMENT", "neutral")
            )
    assert torch.equal(ours, LOGITS)
    assert torch.equal(theirs, LOGITS[:, [1, 2, 0]])
    assert [record.getMessage() for record in caplog.records] == [
        "The teacher's classes are put into the student's order by label2id: [1, 2, 0]."
    ]


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        (labelled("a", "b", "c"), labelled("a", "b", "c")),
        (labelled("a", "b", "c"), labelled("x", "y", "z")),
        (labelled("a", "b", "c"), labelled("LABEL_0", "LABEL_1", "LABEL_2")),
        (labelled("a", "b"), labelled("b", "a")),  # two labels, but three columns: these logits are something else
        (labelled("a", "b", "c"), object()),
        (model(), model(label2id=None)),
    ],
)
def test_what_the_names_do_not_settle_stays(student: Any, teacher: Any) -> None:
    ours, theirs = both(student, teacher)
    assert torch.equal(ours, LOGITS)
    assert torch.equal(theirs, LOGITS)


def vocabulary(size: int, **other: Any) -> Any:
    return model(vocab_size=size, model_type="gpt_neo", eos_token_id=1, **other)


def test_padding_of_one_vocabulary_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    wide = torch.arange(16.0).reshape(2, 8)
    with caplog.at_level(logging.WARNING, logger="Distillation"):
        ours, theirs = both(vocabulary(3), vocabulary(8), LOGITS, wide)
        assert torch.equal(ours, LOGITS)
        assert torch.equal(theirs, wide[:, :3])
        ours, theirs = both(vocabulary(8), vocabulary(3), wide, LOGITS)
        assert torch.equal(ours, wide[:, :3])
    assert "Vocabularies of 3 (student) and 8 (teacher) entries are cut to 3." in caplog.text


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        (vocabulary(3), vocabulary(7)),  # 7 is no padded size
        (vocabulary(3), vocabulary(8, pad_token_id=2)),
        (vocabulary(3), model(vocab_size=8, model_type="t5", eos_token_id=1)),
        (vocabulary(4), vocabulary(8)),  # the student's logits are not its vocabulary
        (labelled("a", "b", "c"), labelled(*"abcdefgh")),
    ],
)
def test_other_sizes_are_left_to_the_error(student: Any, teacher: Any) -> None:
    wide = torch.ones(2, teacher.config.vocab_size if hasattr(teacher.config, "vocab_size") else 8)
    ours, theirs = both(student, teacher, LOGITS, wide)
    assert ours.shape == LOGITS.shape
    assert theirs.shape == wide.shape


def renamed(classifier: Any, *names: str) -> Any:
    classifier.config.label2id = {name: number for number, name in enumerate(names)}
    return classifier


@pytest.mark.parametrize("kind", [GeneralDistiller, MultiTeacherDistiller])
def test_in_a_distiller_as_if_the_teacher_had_been_built_in_that_order(
    kind: Any, models: tuple[Any, Any], batches: list[dict[str, Any]], train_config: Any, adapt: Any
) -> None:
    teacher, student = models
    renamed(student, "a", "b", "c")
    config = textbrewer().DistillationConfig(kd_loss_type="sinkd")

    def total() -> float:
        teachers = [teacher, teacher] if kind is MultiTeacherDistiller else teacher
        return float(
            kind(train_config, config, teachers, student, adapt, adapt).train_on_batch(batches[0], {})[0].detach()
        )

    wanted = total()
    with torch.no_grad():
        teacher.classifier.weight.copy_(teacher.classifier.weight[[2, 0, 1]])
        teacher.classifier.bias.copy_(teacher.classifier.bias[[2, 0, 1]])
    assert total() != pytest.approx(wanted, rel=1e-4)
    renamed(teacher, "c", "a", "b")
    assert total() == pytest.approx(wanted, rel=1e-6)


def test_anything_else_is_an_error_that_says_what_to_do(
    models: tuple[Any, Any], batches: list[dict[str, Any]], train_config: Any, adapt: Any
) -> None:
    teacher, student = models
    student.classifier = torch.nn.Linear(16, 2)
    student.config.num_labels = 2
    fair = [{**batch, "labels": batch["labels"] % 2} for batch in batches]
    distiller = GeneralDistiller(train_config, textbrewer().DistillationConfig(), teacher, student, adapt, adapt)
    student.num_labels = 2
    with pytest.raises(LossInputError, match=r"\(5, 2\) and \(5, 3\).*return the logits of the same classes"):
        distiller.train_on_batch(fair[0], {})
