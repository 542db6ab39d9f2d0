"""What cannot be exported is refused in one sentence, before any work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import OPTConfig, OPTForCausalLM

from sinkd_export.report import ExportReport
from sinkd_export.sentences import OWN_SOURCE, choose_sentences
from sinkd_plugin.errors import (
    DataError,
    ModelReferenceError,
    SinkdError,
    StorageError,
    UnknownNameError,
    UserError,
)


@pytest.fixture
def copy(classifier: Path, tmp_path: Path) -> Path:
    """A copy of the classifier to damage."""
    return Path(shutil.copytree(classifier, tmp_path / "copy"))


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in {**config, **changes}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept), encoding="utf-8")


def test_unsupported_architecture(
    tmp_path: Path, save_tokenizer: Callable[[Path], None], export_folder: Callable[..., ExportReport]
) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "ffn_dim": 32, "word_embed_proj_dim": 32, "num_hidden_layers": 1}
    config = OPTConfig(vocab_size=99, num_attention_heads=2, **sizes)
    OPTForCausalLM(config).save_pretrained(tmp_path / "opt")
    save_tokenizer(tmp_path / "opt")
    with pytest.raises(UserError, match=r"OPTForCausalLM \(opt\)"):
        export_folder(tmp_path / "opt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_encoder_without_a_head(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    edit_config(copy, architectures=["BertModel"])
    with pytest.raises(UserError, match=r"BertModel \(bert\)"):
        export_folder(copy, tmp_path / "out")


def test_no_tokenizer(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    for path in [*copy.glob("tokenizer*"), *copy.glob("special*"), copy / "vocab.txt"]:
        path.unlink()
    with pytest.raises(ModelReferenceError, match="needs its fast tokenizer"):
        export_folder(copy, tmp_path / "out")


@pytest.mark.parametrize("labels", [None, {"0": "only"}, {"0": "same", "1": "same"}, {"1": "one", "2": "two"}])
def test_missing_labels(copy: Path, tmp_path: Path, labels: object, export_folder: Callable[..., ExportReport]) -> None:
    edit_config(copy, id2label=labels, label2id=None)
    with pytest.raises(ModelReferenceError, match="id2label"):
        export_folder(copy, tmp_path / "out")


def test_folder_that_does_not_exist(tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    with pytest.raises(ModelReferenceError, match="folder that exists"):
        export_folder(tmp_path / "nowhere", tmp_path / "out")


def test_damaged_config(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    (copy / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelReferenceError, match=r"config\.json"):
        export_folder(copy, tmp_path / "out")


def test_no_weights(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelReferenceError, match="safetensors"):
        export_folder(copy, tmp_path / "out")


@pytest.mark.parametrize("text", ["{}", "", '{"model": {"type": "Nothing"}}'])
def test_damaged_tokenizer(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport], text: str) -> None:
    (copy / "tokenizer.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelReferenceError, match=r"tokenizer.*none that loads"):
        export_folder(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damaged_weights(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(StorageError, match="undamaged"):
        export_folder(copy, tmp_path / "out")


def test_weights_of_another_shape(copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]) -> None:
    edit_config(copy, hidden_size=64)
    with pytest.raises(StorageError, match=r"fit its config\.json"):
        export_folder(copy, tmp_path / "out")


def test_weights_without_a_head_are_not_filled_with_random_numbers(
    copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    weights = load_file(copy / "model.safetensors")
    rest = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(rest, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelReferenceError, match=r"classifier\.bias, classifier\.weight"):
        export_folder(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_tokenizer_with_more_tokens_than_the_model(
    tmp_path: Path, save_classifier: Callable[..., Path], export_folder: Callable[..., ExportReport]
) -> None:
    folder = save_classifier(tmp_path / "small", vocab_size=10)
    with pytest.raises(ModelReferenceError, match="its own tokenizer's ids"):
        export_folder(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sentences_of_the_users_file(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("one\n\ntwo\n", encoding="utf-8")
    assert choose_sentences(copy, texts=file).texts == ("one", "two")
    file.write_text("first\tsecond\n", encoding="utf-8")
    assert choose_sentences(copy, texts=file).texts == (("first", "second"),)
    file.write_text("\n".join(str(number) for number in range(1000)), encoding="utf-8")
    texts = choose_sentences(copy, texts=file).texts
    assert len(texts) == 200
    assert texts[-1] == "995"


def test_bad_files_of_sentences(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    for name, message in {"empty.txt": "has none", "latin.txt": "UTF-8", "missing.txt": "readable"}.items():
        with pytest.raises(DataError, match=message):
            choose_sentences(copy, texts=tmp_path / name)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("one\n\nfirst\tsecond\n", "a pair in line 3 of .*, a single text in line 1"),
        ("\nfirst\tsecond\nthird\tfourth\nalone\n", "a single text in line 4 of .*, a pair in line 2"),
    ],
)
def test_a_file_of_texts_and_pairs(written: str, told: str, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed.txt").write_text(written, encoding="utf-8")
    with pytest.raises(DataError, match=f"single texts alone, or alone pairs.*{told}"):
        choose_sentences(copy, texts=tmp_path / "mixed.txt")


@pytest.mark.parametrize("length", [0, -3, 1, 3, "64", True, 12.5])
def test_a_damaged_record_of_training(
    length: object, copy: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    (copy / "sinkd.json").write_text(json.dumps({"max_length": length}), encoding="utf-8")
    with pytest.raises(
        ModelReferenceError, match=rf"sinkd\.json must be a whole number of tokens, at least 4.*'{copy}'"
    ):
        export_folder(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"samples": 5}, {"data_dir": Path("/")}])
def test_options_of_a_task_need_one(options: dict[str, Any], copy: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one", encoding="utf-8")
    name = "--samples" if "samples" in options else "--data-dir"
    for texts in (None, tmp_path / "texts.txt"):
        with pytest.raises(UserError, match=f"{name} belongs to a task, and none is used.*Add --task NAME"):
            choose_sentences(copy, texts=texts, **options)
    _with_own_task(copy, tmp_path / "gone")
    with pytest.raises(SinkdError, match=r"must be a (file|folder) that exists"):
        choose_sentences(copy, **options)


def test_task_of_the_users_choice_must_exist(copy: Path) -> None:
    with pytest.raises(UnknownNameError, match="reviws"):
        choose_sentences(copy, task="reviws")


def _with_own_task(folder: Path, data: Path) -> None:
    task = {"files": {"train": "train.csv", "test": "test.csv"}, "text": "sentence", "label": "label"}
    record = {"task": task, "data_dir": str(data), "max_length": 64}
    (folder / "sinkd.json").write_text(json.dumps(record), encoding="utf-8")


def test_sentences_of_the_task_the_model_was_trained_on(copy: Path, tmp_path: Path) -> None:
    rows = [f"{kind} film number {number},{kind}" for number in range(10) for kind in ("good", "bad")]
    for name, part in {"train": rows[:8], "test": rows[8:]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["sentence,label", *part]), encoding="utf-8")
    _with_own_task(copy, tmp_path)
    chosen = choose_sentences(copy)
    assert set(chosen.texts) <= {row.partition(",")[0] for row in rows[8:]}
    assert "test split of train" in chosen.source


def test_a_student_without_its_data_is_verified_on_our_sentences(copy: Path, tmp_path: Path) -> None:
    _with_own_task(copy, tmp_path / "gone")
    chosen = choose_sentences(copy)
    assert len(chosen.texts) > 20
    assert chosen.source.startswith(f"{OWN_SOURCE} (the model's own task could not be loaded")


def test_pairs_are_verified_as_pairs(tmp_path: Path, onnx_target: object, save_classifier: Callable[..., Path]) -> None:
    folder = save_classifier(tmp_path / "pairs")
    (tmp_path / "pairs.txt").write_text("a film\tnot a good film, or is it?\nthe\tand\n", encoding="utf-8")
    from sinkd_export.export import export_model
    from sinkd_export.source import find_source

    source = find_source(str(folder), onnx_target)  # type: ignore[arg-type]
    sentences = choose_sentences(folder, texts=tmp_path / "pairs.txt")
    report = export_model(source, tmp_path / "out", target=onnx_target, sentences=sentences)  # type: ignore[arg-type]
    assert report.parity.cases[0].rows == 2
