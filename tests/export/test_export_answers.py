"""A generative student as a classifier: one graph, the core's own scores, deployed like BERT."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from sinkd_export.convert.recipe import Recipe
from sinkd_export.families import MODEL_TYPES
from sinkd_export.report import ExportReport
from sinkd_export.runtime import Student
from sinkd_export.sentences import choose_sentences
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import Question

TEMPLATE = "{text} Was it any good?"
ANSWERS = {"one token and more": ["no", "yes indeed"], "three tokens": ["it is dull", "it is fine"]}
TEXTS = ["A warm film.", "Dull.", "Every scene looks like a painting, and every line sounds like a lecture.", "?"]
QUICK = ("gpt_neo", "three tokens")


def student(folder: Path, answers: list[str], *, length_normalised: bool) -> Path:
    record = {
        "task": "reviews",
        "data_dir": "nowhere",
        "prompt": {"template": TEMPLATE, "verbalisers": answers},
        "readout": {"rows": "answer", "length_normalised": length_normalised},
    }
    (folder / "sinkd.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def scores_of_the_core(folder: Path, answers: list[str], *, length_normalised: bool) -> np.ndarray:
    """What training and evaluation compare: asked by the core's reader, not by the exporter."""
    seq2seq = folder.name in MODEL_TYPES["encoder_decoder"]
    model = (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()
    question = Question(
        text=("text",),
        labels=("negative", "positive"),
        max_length=90,
        ask=lambda texts: TEMPLATE.replace("{text}", texts["text"]),
        answers=tuple(answers),
        length_normalised=length_normalised,
    )
    family = catalog().architectures.get("encoder-decoder" if seq2seq else "decoder").build()
    reader = family.reader(model.config, AutoTokenizer.from_pretrained(folder), question)
    examples = list(reader.encode(Dataset.from_dict({"text": TEXTS, "label": [0] * len(TEXTS)})))
    return reader.class_scores(model, examples).numpy()


def _cases() -> list[object]:
    kinds = (*MODEL_TYPES["encoder_decoder"], *MODEL_TYPES["decoder"])
    every = [(kind, name) for kind in kinds for name in ANSWERS]
    return [case if case == QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in every]


@pytest.mark.parametrize(("kind", "answers"), _cases())
def test_the_runtime_answers_what_the_core_scores(
    kind: str,
    answers: str,
    tmp_path: Path,
    save_generator: Callable[..., Path],
    export_folder: Callable[..., ExportReport],
) -> None:
    words, normalised = ANSWERS[answers], answers == "three tokens"
    folder = student(save_generator(tmp_path / kind, kind), words, length_normalised=normalised)
    report = export_folder(folder, tmp_path / "out", form="classification", recipe=Recipe())
    assert (report.form, report.labels) == ("classification", ("negative", "positive"))
    assert {path.name for path in (tmp_path / "out").glob("*.onnx")} == {"model.onnx"}
    scores = scores_of_the_core(folder, words, length_normalised=normalised)
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    found = Student.load(tmp_path / "out").predict(TEXTS, batch_size=3)
    for prediction, row in zip(found, expected, strict=True):
        assert list(prediction["scores"].values()) == pytest.approx(row.tolist(), abs=1e-4)


def test_without_a_task_there_is_nothing_to_ask(
    tmp_path: Path, save_generator: Callable[..., Path], export_folder: Callable[..., ExportReport]
) -> None:
    folder = save_generator(tmp_path / "gpt2", "gpt2")
    with pytest.raises(UserError, match=r"needs a task: its labels, prompt and answers.*Pass --task NAME"):
        export_folder(folder, tmp_path / "out", form="classification", sentences=choose_sentences(folder))
    assert not (tmp_path / "out").exists()
