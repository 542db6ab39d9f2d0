"""A student runs without torch, and predicts what PyTorch predicts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.runtime import Student, Text
from sinkd_plugin.errors import DataError, ModelReferenceError, StorageError

TEXTS: list[Text] = [*OWN_SENTENCES, "film " * 400, "?", ("not good", "the film and the film"), ["film", "?"]]


@pytest.fixture(scope="module")
def student(exported: Path) -> Student:
    return Student.load(exported)


@pytest.fixture(scope="module")
def in_pytorch(classifier: Path, positions: int) -> list[list[float]]:
    """Probabilities of each text alone, in PyTorch."""
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    rows = []
    for text in TEXTS:
        first, second = (text, None) if isinstance(text, str) else text
        encoded = tokenizer(first, second, truncation=True, max_length=positions, return_tensors="pt")
        with torch.inference_mode():
            rows.append(model(**encoded).logits.softmax(-1)[0].tolist())
    return rows


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_predictions_equal_those_of_pytorch(student: Student, in_pytorch: list[list[float]], batch_size: int) -> None:
    predictions = student.predict(TEXTS, batch_size=batch_size)
    assert len(predictions) == len(TEXTS)
    for prediction, expected in zip(predictions, in_pytorch, strict=True):
        assert list(prediction["scores"].values()) == pytest.approx(expected, abs=1e-5)
        assert prediction["label"] == max(prediction["scores"], key=prediction["scores"].__getitem__)
        assert list(prediction["scores"]) == ["negative", "neutral", "positive"]


def test_the_model_tells_texts_apart(student: Student) -> None:
    assert len({prediction["label"] for prediction in student.predict(TEXTS)}) > 1


def test_order_of_the_texts_does_not_matter(student: Student) -> None:
    forwards, backwards = student.predict(TEXTS), student.predict(TEXTS[::-1])
    for one, other in zip(forwards, backwards[::-1], strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_a_student_is_shared_between_threads(student: Student) -> None:
    """Sixteen at once, each with texts in an order of its own."""
    alone = student.predict(TEXTS)
    with ThreadPoolExecutor(16) as pool:
        turned = pool.map(lambda turn: student.predict(TEXTS[turn:] + TEXTS[:turn]), range(len(TEXTS)))
        for turn, together in enumerate(turned):
            for one, other in zip(together, alone[turn:] + alone[:turn], strict=True):
                assert one["label"] == other["label"]
                assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_nothing_for_nothing(student: Student) -> None:
    assert student.predict([]) == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a bare string", "takes a list"),
        (["fine", None], "NoneType at position 1"),
        (["fine", ""], "'' at position 1"),
        ([" \n"], "must not be empty"),
        ([7], "int at position 0"),
        ([("one", "two", "three")], "tuple at position 0"),
        ([("one", None)], "NoneType at position 0"),
        ([("one", "two"), ("", " ")], "must not be empty. Received: '' and ' ' at position 1"),
        ([b"bytes"], "bytes at position 0"),
    ],
)
def test_what_is_no_text_is_refused(student: Student, texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        student.predict(texts)


def test_limits_come_from_the_model_not_from_somebodys_training_run(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    tokenizer["padding"] = {
        "strategy": {"Fixed": 90}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    assert Student.load(folder).predict(TEXTS) == Student.load(exported).predict(TEXTS)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_missing_or_damaged_file_is_named(exported: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    (folder / name).write_bytes(b"\x00 not what it says")
    with pytest.raises((ModelReferenceError, StorageError), match=name):
        Student.load(folder)
    (folder / name).unlink()
    with pytest.raises(ModelReferenceError, match=f"without {name}"):
        Student.load(folder)


def test_runs_without_torch_and_transformers(exported: Path) -> None:
    script = f"""
import sys
from sinkd_export.runtime import Student, Text
print(Student.load({str(exported)!r}).predict(["a good film"])[0]["label"])
heavy = {{"torch", "transformers", "optimum", "onnx", "datasets", "pydantic", "huggingface_hub", "textbrewer"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("negative", "neutral", "positive")
    assert done.stderr == ""


def test_half_a_surrogate_pair_is_refused(student: Student) -> None:
    with pytest.raises(DataError, match="A text must be valid Unicode"):
        student.predict(["\udcff"])
