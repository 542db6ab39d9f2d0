"""Tiny real models, exported once; and no network for anyone."""

from __future__ import annotations

import socket
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, BertTokenizerFast

from sinkd_export.export import export_model
from sinkd_export.report import ExportReport
from sinkd_export.sentences import choose_sentences
from sinkd_export.source import find_source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.targets import export_targets

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.digits + ".,!?;:()'/"
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "film", "good", "the", "not", "and"]
POSITIONS = 96


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever needs more than this machine in these tests has a mistake in it."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if address[0] != "127.0.0.1":
            raise AssertionError(f"a test of the exporter wanted to connect to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def positions() -> int:
    """Most tokens that the tiny models take."""
    return POSITIONS


@pytest.fixture(scope="session")
def save_classifier() -> Callable[..., Path]:
    """``save_classifier(folder, model_type="bert", **config)`` saves a tiny classifier and its tokenizer."""
    return _save_classifier


@pytest.fixture(scope="session")
def save_tokenizer() -> Callable[[Path], None]:
    """``save_tokenizer(folder)`` saves a tokenizer that spells."""
    return _save_tokenizer


@pytest.fixture(scope="session")
def export_folder() -> Callable[..., ExportReport]:
    """``export_folder(folder, into, target=None, overwrite=False)`` exports as ``sinkd export`` does."""
    return _export_folder


def _save_classifier(folder: Path, model_type: str = "bert", **changes: Any) -> Path:
    """Save a tiny classifier with three labels, its weights large enough for its labels to differ, and a tokenizer."""
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    sizes: dict[str, Any] = {
        "vocab_size": len(VOCABULARY), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": POSITIONS, "embedding_size": 32, "pad_token_id": 0,
        "initializer_range": 0.3, "id2label": labels, "label2id": {name: index for index, name in labels.items()},
    }  # fmt: skip
    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, **{**sizes, **changes})
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    _save_tokenizer(folder)
    return folder


def _save_tokenizer(folder: Path) -> None:
    """Save a tokenizer that spells."""
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY), encoding="utf-8")
    BertTokenizerFast(str(vocabulary), model_max_length=512).save_pretrained(folder)


def _export_folder(folder: Path, into: Path, target: ExportTargetSpec | None = None, **options: Any) -> ExportReport:
    """Export a folder as ``sinkd export`` does."""
    target = target or export_targets().get("onnx")
    source = find_source(str(folder), target)
    return export_model(source, into, target=target, sentences=choose_sentences(source.folder), **options)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT classifier in PyTorch."""
    return _save_classifier(tmp_path_factory.mktemp("bert") / "classifier")


@pytest.fixture(scope="session")
def exported(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in ONNX."""
    into = tmp_path_factory.mktemp("onnx") / "exported"
    _export_folder(classifier, into)
    return into


@pytest.fixture(scope="session")
def onnx_target() -> ExportTargetSpec:
    """The target ``onnx`` as a user finds it."""
    spec: ExportTargetSpec = export_targets().get("onnx")
    return spec
