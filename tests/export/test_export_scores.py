"""The score that an export reports is that of the deployed student: cut, asked and batched by the runtime."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from sinkd_export.asking import asked_source
from sinkd_export.convert.recipe import Recipe
from sinkd_export.families import MODEL_TYPES
from sinkd_export.language_model import LanguageModel
from sinkd_export.model_folder import load_model
from sinkd_export.prove.deployed import deployed
from sinkd_export.prove.ranking import TOKENS, RankedModel
from sinkd_export.report import ExportReport
from sinkd_export.runtime import Student
from sinkd_export.sentences import Sentences, choose_sentences
from sinkd_export.source import find_source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.targets import export_targets
from sinkd_export.trial import Trial
from sinkd_plugin.catalog import catalog
from sinkd_plugin.cli.main import main
from sinkd_plugin.errors import DataError
from sinkd_plugin.specs import Question

Export = Callable[..., ExportReport]
Save = Callable[..., Path]

LENGTH = 40
"""Tokens at which training cut; reviews are longer, and the models take 96."""

LABELS = ("negative", "positive")
TEMPLATE = "{text} Was it any good?"
ANSWERS = ("it is dull", "it is fine")
INT8 = Recipe(quantize="int8", tolerance=1.0)
GENERATORS = ["gpt_neo", pytest.param("t5", marks=pytest.mark.slow)]


def recorded(folder: Path, **changes: Any) -> Path:
    """A model with the trainer's record."""
    record = {
        "task": "reviews",
        "max_length": LENGTH,
        "prompt": {"template": TEMPLATE, "verbalisers": list(ANSWERS)},
        "readout": {"rows": "answer", "length_normalised": True},
    }
    (folder / "sinkd.json").write_text(json.dumps({**record, **changes}), encoding="utf-8")
    return folder


def reviews(folder: Path) -> tuple[Sentences, Trial]:
    sentences = choose_sentences(folder, task="reviews", samples=60)
    assert sentences.trial is not None
    return sentences, sentences.trial


def labelled(folder: Path, trial: Trial, **options: Any) -> list[int]:
    found = Student.load(folder, **options).predict(trial.texts)
    return [LABELS.index(answer["label"]) for answer in found]


def shipped(report: ExportReport) -> float | None:
    return next(record.score for record in report.variants if record.shipped)


@pytest.mark.parametrize("recipe", [Recipe(), INT8], ids=["fp32", "int8"])
def test_a_classifier_is_scored_where_training_cut(
    recipe: Recipe, tmp_path: Path, save_classifier: Save, export_folder: Export, positions: int
) -> None:
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: key for key, name in enumerate(LABELS)}}
    folder = recorded(save_classifier(tmp_path / "model", **names))
    sentences, trial = reviews(folder)
    report = export_folder(folder, tmp_path / "out", sentences=sentences, recipe=recipe)
    found = labelled(tmp_path / "out", trial)
    assert trial.score(found) == shipped(report)
    assert found != labelled(tmp_path / "out", trial, max_length=positions)
    assert report.trial is not None
    assert (report.max_length, report.trial.max_length, report.trial.prompt) == (positions, LENGTH, None)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"Scored on texts cut to {LENGTH} tokens" in card
    assert f"cuts a text at {LENGTH} tokens, where training cut it" in card
    assert {case.case for case in report.parity.cases} >= {f"longest ({positions} tokens)"}


@pytest.mark.parametrize("kind", GENERATORS)
def test_of_an_asked_student_the_text_is_cut_and_not_the_question(
    kind: str, tmp_path: Path, save_generator: Save, export_folder: Export
) -> None:
    folder = recorded(save_generator(tmp_path / kind, kind))
    sentences, trial = reviews(folder)
    report = export_folder(folder, tmp_path / "out", form="classification", sentences=sentences, recipe=INT8)
    assert trial.score(labelled(tmp_path / "out", trial)) == shipped(report)
    scores = {record.name: record.score for record in report.variants}
    assert scores["fp32"] == scores["pytorch"] == trial.score(of_the_core(folder, trial))
    assert report.trial is not None
    assert (report.trial.max_length, report.trial.prompt) == (LENGTH, TEMPLATE)


def of_the_core(folder: Path, trial: Trial) -> list[int]:
    """Labels as training's own evaluation finds them."""
    found: list[int] = scores_of_the_core(folder, trial).argmax(1).tolist()
    return found


def scores_of_the_core(folder: Path, trial: Trial) -> NDArray[np.float32]:
    seq2seq = folder.name in MODEL_TYPES["encoder_decoder"]
    model = (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()
    question = Question(
        text=("text",),
        labels=LABELS,
        max_length=LENGTH,
        ask=lambda texts: TEMPLATE.replace("{text}", texts["text"]),
        answers=ANSWERS,
        length_normalised=True,
    )
    family = catalog().architectures.get("encoder-decoder" if seq2seq else "decoder").build()
    reader = family.reader(model.config, AutoTokenizer.from_pretrained(folder), question)
    examples = list(reader.encode(Dataset.from_dict({"text": list(trial.texts), "label": list(trial.labels)})))
    scores: NDArray[np.float32] = reader.class_scores(model, examples).numpy()
    return scores


@pytest.mark.parametrize("kind", [*MODEL_TYPES["encoder_decoder"], *MODEL_TYPES["decoder"]])
def test_next_token_logits_rank_answers_as_the_core_does(kind: str, tmp_path: Path, save_generator: Save) -> None:
    """Every family; several calls of a few questions, so that nothing depends on who shares a batch."""
    folder = recorded(save_generator(tmp_path / kind, kind))
    sentences, trial = reviews(folder)
    source, _ = asked_source(find_source(str(folder), onnx()), sentences)
    assert source.ranking is not None
    inputs = deployed(source).inputs(trial.texts)
    model = LanguageModel(load_model(folder, source.family), source.known_family)
    found = RankedModel(model, source.known_family, source.ranking)(inputs)
    assert len(trial.texts) * LENGTH > TOKENS
    assert found == pytest.approx(scores_of_the_core(folder, trial), abs=1e-4)


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_model_that_generates_is_scored_by_its_answers(
    kind: str, tmp_path: Path, save_generator: Save, export_folder: Export
) -> None:
    folder = recorded(save_generator(tmp_path / kind, kind))
    sentences, trial = reviews(folder)
    report = export_folder(folder, tmp_path / "out", sentences=sentences, recipe=INT8)
    assert report.form == "generation"
    found = {record.name: (record.score, record.same_label) for record in report.variants}
    expected = of_the_core(folder, trial)
    assert set(expected) == {0, 1}
    assert found["pytorch"] == found["fp32"] == (trial.score(expected), 1.0)
    assert report.price is not None
    assert report.price.measured_as == "accuracy on the validation split of reviews, n = 60"
    assert report.price.lost == pytest.approx(trial.score(expected) - (found["int8"][0] or 0.0))
    assert report.trial is not None
    assert (report.trial.prompt, report.trial.max_length) == (TEMPLATE, LENGTH)
    assert not (tmp_path / "out" / "prompt.json").exists()
    assert "accuracy (reviews, validation, n = 60)" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_without_answers_to_rank_nothing_stands_in_their_place(
    tmp_path: Path, save_generator: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    same = {"template": TEMPLATE, "verbalisers": ["it is", "it is fine"]}
    folder = recorded(save_generator(tmp_path / "gpt_neo", "gpt_neo"), prompt=same)
    words = ("export", folder, "--to", tmp_path / "out", "--task", "reviews", "--samples", 60, "--tolerance", 1)
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words), "--quantize", "int8"])
    assert ended.value.code == 0
    report = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert report["trial"] is None
    assert report["price"]["measured_as"].startswith("share of the real sentences' rows")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    told = capsys.readouterr().out
    for text in (card, told):
        assert "same label" not in text
        assert "accuracy" not in text
        assert "share of the real sentences' rows" in " ".join(text.split())


def test_of_a_task_without_labels_the_texts_are_taken(tmp_path: Path, save_generator: Save) -> None:
    folder = save_generator(tmp_path / "gpt_neo", "gpt_neo")
    sentences = choose_sentences(folder, task="reviews/word_order")
    assert sentences.trial is None
    assert sentences.source == "the test split of reviews/word_order"


def test_our_own_sentences_are_asked_about_as_pairs(
    tmp_path: Path, save_generator: Save, export_folder: Export
) -> None:
    """And a file of single texts is refused, instead of nothing being left of it."""
    prompt = {"template": "{sentence1} Does it follow that {sentence2}?", "verbalisers": list(ANSWERS)}
    folder = recorded(save_generator(tmp_path / "gpt_neo", "gpt_neo"), prompt=prompt, task="glue/rte", data_dir="no")
    report = export_folder(folder, tmp_path / "out", form="classification")
    assert report.sentence_count == 24
    for written, told in (("one\n", "single texts"), ("one\ttwo\n", "")):
        (tmp_path / "texts.txt").write_text(written, encoding="utf-8")
        sentences = choose_sentences(folder, texts=tmp_path / "texts.txt")
        if told:
            with pytest.raises(DataError, match=f"asked about sentence1 and sentence2.*{told}"):
                asked_source(find_source(str(folder), onnx(), "classification"), sentences)
        else:
            asked_source(find_source(str(folder), onnx(), "classification"), sentences)


def test_a_file_of_pairs_is_not_for_a_student_asked_about_one(tmp_path: Path, save_generator: Save) -> None:
    folder = recorded(save_generator(tmp_path / "gpt_neo", "gpt_neo"))
    (tmp_path / "texts.txt").write_text("one\ttwo\n", encoding="utf-8")
    sentences = choose_sentences(folder, texts=tmp_path / "texts.txt")
    with pytest.raises(DataError, match=r"asked about text\. Received: pairs of texts.*Leave out tabs"):
        asked_source(find_source(str(folder), onnx(), "classification"), sentences)


def onnx() -> ExportTargetSpec:
    spec: ExportTargetSpec = export_targets().get("onnx")
    return spec
