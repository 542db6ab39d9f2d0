"""What is too long, what lies elsewhere, and what a graph must never see."""

from __future__ import annotations

import json
import logging
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from transformers import AutoTokenizer

from sinkd_export.runtime import Student
from sinkd_export.session import open_classifier
from sinkd_export.tokens import open_tokens
from sinkd_plugin.errors import DataError, ModelReferenceError, StorageError, UserError

LONG, SHORT = "not the good film and " * 60, "film and"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.mark.parametrize("limit", [8, 17, 96])
@pytest.mark.parametrize("pair", [(LONG, LONG), (LONG, SHORT), (SHORT, LONG), ("x" * 5000, LONG), ("x y " * 90, "z")])
def test_pairs_are_cut_as_transformers_cuts_them(
    exported: Path, classifier: Path, pair: tuple[str, str], limit: int
) -> None:
    expected = AutoTokenizer.from_pretrained(classifier)(*pair, truncation=True, max_length=limit)
    (found,) = open_tokens(exported, max_length=limit).encode([pair])
    assert (found.ids, found.type_ids) == (expected["input_ids"], expected["token_type_ids"])


def test_a_pair_of_books_takes_no_more_memory_than_its_beginning(exported: Path) -> None:
    """The tokenizer alone would keep every combination of what it cuts off: gigabytes here."""
    tokens, before = open_tokens(exported), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = tokens.encode([(LONG * 40, LONG * 40)])
    assert found.is_cut
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes


def test_texts_are_cut_where_they_were_cut_in_training(folder: Path) -> None:
    (folder / "sinkd.json").write_text(json.dumps({"max_length": 12}), encoding="utf-8")
    assert Student.load(folder).predict([LONG]) == Student.load(folder, max_length=12).predict([LONG])
    assert Student.load(folder).predict([LONG]) != Student.load(folder, max_length=13).predict([LONG])
    (folder / "sinkd.json").write_text(json.dumps({"max_length": 4096}), encoding="utf-8")
    assert Student.load(folder).tokens.max_length == 96


def test_cut_texts_are_counted_in_the_log(exported: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Student.load(exported).predict([SHORT, LONG, LONG])
        Student.load(exported).predict([SHORT])
    assert caplog.messages == ["2 of 3 texts were cut to 96 tokens"]


def test_long_texts_are_refused_on_demand(exported: Path) -> None:
    student = Student.load(exported)
    with pytest.raises(DataError, match=r"longer than 96 tokens\. Received: 302 at position 1"):
        student.predict([SHORT, LONG], truncation=False)
    assert student.predict([SHORT], truncation=False) == student.predict([SHORT])


@pytest.mark.parametrize("value", ["no", 0, None, np.bool_(True)])
def test_truncation_is_on_or_off(exported: Path, value: Any) -> None:
    student = Student.load(exported)
    for predict in (student.predict, student.predict_stream):
        with pytest.raises(UserError, match=r"truncation must be True or False\. Received: "):
            predict([SHORT], truncation=value)


@pytest.mark.parametrize("length", [1, 3, 97, 10**12])
def test_a_length_the_model_does_not_have_is_refused(exported: Path, length: int) -> None:
    with pytest.raises(UserError, match="max_length must lie between 4 and 96"):
        Student.load(exported, max_length=length)


def test_a_negative_id_never_reaches_the_graph(exported: Path) -> None:
    """The graph itself would count it from the end of its table, and answer."""
    inputs = {name: np.full((1, 3), -100, dtype=np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    with pytest.raises(DataError, match=r"Token ids must not be negative\. Received: -100"):
        open_classifier(exported / "model.onnx")(inputs)


def test_a_graph_that_does_not_know_a_token_says_so(exported: Path) -> None:
    inputs = {
        name: np.full((1, 3), 10**6, dtype=np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    with pytest.raises(StorageError, match="must take what its tokenizer makes"):
        open_classifier(exported / "model.onnx")(inputs)


def test_a_text_without_a_token_is_refused(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(DataError, match=r"have a token at least\. Received: none at position 1"):
        Student.load(folder).predict(["film", "\u200b"])


@pytest.mark.parametrize("text", ["\u200b", "\x00", "\ufeff", "\u00ad", ("\u200b", "\x00"), ("", "\ufeff")])
def test_a_text_of_which_no_token_is_left_is_refused(exported: Path, text: str | tuple[str, str]) -> None:
    """The graph would answer for the special tokens alone."""
    with pytest.raises(DataError, match=r"have a token at least\. Received: none at position 1"):
        Student.load(exported).predict(["film", text])


@pytest.mark.parametrize("pair", [("", SHORT), (SHORT, ""), (" ", LONG), (LONG, "")])
def test_half_a_pair_may_be_empty_as_in_training(exported: Path, classifier: Path, pair: tuple[str, str]) -> None:
    expected = AutoTokenizer.from_pretrained(classifier)([pair[0]], [pair[1]], truncation=True, max_length=96)
    (found,) = open_tokens(exported).encode([pair])
    assert ([found.ids], [found.type_ids]) == (expected["input_ids"], expected["token_type_ids"])
    assert len(Student.load(exported).predict([pair, list(pair)])) == 2


def test_both_layouts_and_the_quantised_file_are_found(folder: Path, exported: Path) -> None:
    expected = Student.load(exported).predict([LONG, SHORT])
    for name in ("onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx"):
        (folder / name).parent.mkdir(exist_ok=True)
        next(folder.rglob("*.onnx")).rename(folder / name)
        assert Student.load(folder).predict([LONG, SHORT]) == expected
        assert Student.load(folder, file=name).predict([LONG, SHORT]) == expected


def test_the_exact_graph_comes_before_the_quantised_one(folder: Path) -> None:
    (folder / "model_quantized.onnx").write_bytes(b"no graph")
    Student.load(folder)
    with pytest.raises(StorageError, match=r"model_quantized\.onnx' must be an ONNX model"):
        Student.load(folder, file="model_quantized.onnx")


def test_a_graph_that_is_not_there_is_named_beside_those_that_are(exported: Path) -> None:
    with pytest.raises(ModelReferenceError, match=r"without model_fp16\.onnx \(its graphs: model\.onnx\)"):
        Student.load(exported, file="model_fp16.onnx")


def test_a_folder_of_pytorch_is_no_exported_student(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelReferenceError, match=r"without model\.onnx\. Make one with `sinkd export"):
        Student.load(classifier)
    with pytest.raises(ModelReferenceError, match=r"without model\.onnx, tokenizer\.json"):
        Student.load(tmp_path / "nowhere")


def test_labels_must_fit_the_graph(folder: Path) -> None:
    labels = {"0": "no", "1": "yes"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "id2label": labels}), encoding="utf-8")
    with pytest.raises(
        ModelReferenceError, match=r"must name every label of the graph.*Received: no, yes for 3 logits"
    ):
        Student.load(folder)


def test_labels_must_fit_a_graph_that_does_not_tell_their_number(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "labels"
    onnx.save(graph, folder / "model.onnx")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"0": "no", "1": "yes"}}), encoding="utf-8")
    with pytest.raises(ModelReferenceError, match="Received: no, yes for 3 logits"):
        Student.load(folder).predict(["a film"])


def test_a_graph_that_is_no_classifier_is_refused(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    for name in ("past_key_values.0.key", "position_ids"):
        graph.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["batch", "length"]))
    onnx.save(graph, folder / "model.onnx")
    with pytest.raises(ModelReferenceError, match=r"takes past_key_values\.0\.key, position_ids\. Export"):
        Student.load(folder)


def test_a_provider_that_is_not_there_is_refused(exported: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(UserError, match=r"Received: 'cuda' of .*cpu.*install onnxruntime-gpu"):
        Student.load(exported, provider="cuda")


def test_two_threads_answer_as_one_does(exported: Path) -> None:
    one, two = (Student.load(exported, threads=threads).predict([LONG, SHORT]) for threads in (1, 2))
    for left, right in zip(one, two, strict=True):
        assert left["scores"] == pytest.approx(right["scores"], abs=1e-6)


@pytest.mark.parametrize("nothing", [None, 5, "one text", b"one text", {"a text": 1}])
def test_what_is_no_list_of_texts_is_refused(exported: Path, nothing: object) -> None:
    student = Student.load(exported)
    with pytest.raises(DataError, match="predict takes a list of texts"):
        student.predict(nothing)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="predict takes a list of texts"):
        list(student.predict_stream(nothing))  # type: ignore[arg-type]
