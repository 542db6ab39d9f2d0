"""Tiny real models, exported once; and no network for anyone."""

from __future__ import annotations

import socket
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    BertTokenizerFast,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from sinkd_export.asking import asked_source
from sinkd_export.export import export_model
from sinkd_export.families import Form
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.report import ExportReport
from sinkd_export.sentences import choose_sentences
from sinkd_export.source import find_source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.targets import export_targets

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.digits + ".,!?;:()'/"
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "film", "good", "the", "not", "and"]
POSITIONS = 96
PAD, END = 0, 1

_T5: Mapping[str, Any] = {
    "d_model": 32, "d_kv": 12, "num_heads": 4, "d_ff": 64, "num_layers": 2, "decoder_start_token_id": PAD,
    "initializer_factor": 1.0,
}  # fmt: skip
"""Heads of 12 and not of 32 / 4: the shape that optimum's runtime guesses wrongly."""

_SIZES: Mapping[str, Mapping[str, Any]] = {
    "t5": _T5,
    "mt5": {**_T5, "tie_word_embeddings": False, "feed_forward_proj": "gated-gelu"},
    "bart": {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
        "max_position_embeddings": POSITIONS, "bos_token_id": END, "decoder_start_token_id": END,
        "forced_eos_token_id": None, "init_std": 0.3,
    },
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "initializer_range": 0.3},
    "gpt_neo": {
        "hidden_size": 32, "num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]],
        "window_size": 16, "max_position_embeddings": POSITIONS, "intermediate_size": 64, "initializer_range": 0.3,
    },
}  # fmt: skip

SEQ2SEQ = ("bart", "mt5", "t5")


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
def save_generator() -> Callable[..., Path]:
    """``save_generator(folder, model_type, **config)`` saves a tiny generative model and its tokenizer."""
    return _save_generator


@pytest.fixture(scope="session")
def export_folder() -> Callable[..., ExportReport]:
    """``export_folder(folder, into, target=None, form=None, …)`` exports as ``sinkd export`` does."""
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


def _export_folder(
    folder: Path, into: Path, target: ExportTargetSpec | None = None, form: Form | None = None, **options: Any
) -> ExportReport:
    """Export a folder as ``sinkd export`` does."""
    target = target or export_targets().get("onnx")
    source = find_source(str(folder), target, form)
    sentences = options.pop("sentences", None) or choose_sentences(source.folder)
    source, sentences = asked_source(source, sentences)
    return export_model(source, into, target=target, sentences=sentences, **options)


def _save_generator(folder: Path, model_type: str, **changes: Any) -> Path:
    """Save a tiny generative model, its weights large enough for its answers to differ, and a tokenizer."""
    tokenizer = _trained_tokenizer(ends=model_type in SEQ2SEQ)
    config = AutoConfig.for_model(
        model_type,
        vocab_size=len(tokenizer),
        pad_token_id=PAD,
        eos_token_id=END,
        **{**_SIZES[model_type], **changes},
    )
    torch.manual_seed(0)
    kind = AutoModelForSeq2SeqLM if model_type in SEQ2SEQ else AutoModelForCausalLM
    kind.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _trained_tokenizer(*, ends: bool) -> PreTrainedTokenizerBase:
    """A byte-pair tokenizer; with ``ends`` it closes each text with the end token, as T5's does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(OWN_SENTENCES, trainer)
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", END)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "attention_mask"],
    )


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
