"""T5, BART, GPT-Neo and GPT-2 in ONNX: with a cache, the same tokens, one copy of each weight, the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from optimum.onnxruntime import ORTModelForCausalLM, ORTModelForSeq2SeqLM
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from sinkd_export.convert.recipe import Recipe
from sinkd_export.families import MODEL_TYPES
from sinkd_export.report import ExportReport

SEQ2SEQ = MODEL_TYPES["encoder_decoder"]
TYPES = (*SEQ2SEQ, *MODEL_TYPES["decoder"])


QUICK = "gpt_neo"
"""Stands for all in the default tests; the others take seconds each, and run with the slow ones."""


@pytest.fixture(
    scope="module", params=[kind if kind == QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in TYPES]
)
def generator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, save_generator: Callable[..., Path]
) -> Path:
    """A generative model in PyTorch, in a folder named after its type."""
    return save_generator(tmp_path_factory.mktemp("generators") / request.param, request.param)


@pytest.fixture(scope="module")
def written(
    generator: Path, tmp_path_factory: pytest.TempPathFactory, export_folder: Callable[..., ExportReport]
) -> tuple[Path, ExportReport]:
    """The same in ONNX, and its report."""
    into = tmp_path_factory.mktemp("onnx") / generator.name
    return into, export_folder(generator, into)


def test_only_the_encoder_and_the_merged_decoder_are_shipped(written: tuple[Path, ExportReport]) -> None:
    folder, report = written
    graphs = {path.name for path in folder.glob("*.onnx*")}
    expected = {"encoder_model.onnx", "decoder_model_merged.onnx"} if folder.name in SEQ2SEQ else {"model.onnx"}
    assert graphs == expected
    assert {"config.json", "generation_config.json", "tokenizer.json", "README.md", "export.json"} <= set(
        report.files
    ) | {"export.json"}
    assert not [path for path in folder.parent.iterdir() if path.name != folder.name]


def test_every_way_to_run_it_is_verified(written: tuple[Path, ExportReport]) -> None:
    cases = {case.case: case for case in written[1].parity.cases}
    needed = ("real sentences", "64 sentences, ragged", "one token, batch 1", "longest (96 tokens)", "written greedily")
    assert {*needed, "token by token from the cache, 1 row", "token by token from the cache, 7 rows"} <= set(cases)
    assert all(case.argmax_agreement == 1 for case in cases.values())
    assert written[1].parity.relative_difference < 1e-4


def test_optimum_generates_from_the_folder_what_pytorch_generates(
    generator: Path, written: tuple[Path, ExportReport]
) -> None:
    """Independently of the exporter's own check: a user's script, beams and all."""
    seq2seq = generator.name in SEQ2SEQ
    tokenizer = AutoTokenizer.from_pretrained(written[0], padding_side="right" if seq2seq else "left")
    inputs = tokenizer(["A warm film.", "Dull, and far too long for what it says."], padding=True, return_tensors="pt")
    kind = ORTModelForSeq2SeqLM if seq2seq else ORTModelForCausalLM
    exported = kind.from_pretrained(written[0])
    if generator.name in ("t5", "mt5"):
        exported.decoder.embed_size_per_head = exported.config.d_kv  # as the card says
        assert "model.decoder.embed_size_per_head = 12" in (written[0] / "README.md").read_text(encoding="utf-8")
    model = (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(generator)
    for beams in (1, 3):
        options = {"max_new_tokens": 12, "num_beams": beams, "do_sample": False}
        with torch.inference_mode():
            expected = model.generate(**inputs, **options)
        assert torch.equal(exported.generate(**inputs, **options), expected)


MAKE = """
import hashlib
import json
import sys
from pathlib import Path

from sinkd_export.convert.exporter import convert_to_onnx
from sinkd_export.convert.parts import parts_of
from sinkd_export.convert.recipe import Recipe
from sinkd_export.convert.variants import variants
from sinkd_export.families import default_form, family_of
from sinkd_export.model_folder import load_config, load_model

into, digests = Path(sys.argv[1]), {}
for folder in map(Path, sys.argv[2:]):
    config = load_config(folder)
    family = family_of(config)
    parts = parts_of(family, default_form(family))
    converted = into / folder.name
    converted.mkdir(parents=True)
    convert_to_onnx(folder, converted, parts, opset=18)
    model = load_model(folder, family)
    for number, recipe in enumerate([Recipe(optimize="O2", quantize="int8")]):
        for variant in variants(converted, into / f"{folder.name}{number}", parts, model, recipe, list):
            for path in sorted(variant.folder.iterdir()):
                digests[f"{folder.name}, {variant.name}, {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
print(json.dumps(digests))
"""


@pytest.mark.slow
def test_another_process_makes_the_same_bytes(
    classifier: Path, tmp_path: Path, save_generator: Callable[..., Path]
) -> None:
    """Names taken from a set would differ, since strings hash differently in every process."""
    models = [classifier, save_generator(tmp_path / "bart", "bart")]
    made = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        words = [sys.executable, "-c", MAKE, str(tmp_path / seed), *map(str, models)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        made.append(json.loads(done.stdout))
    assert {name.split(", ")[1] for name in made[0]} == {"fp32", "O2", "O2 + int8"}
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


def _large_weights(folder: Path, rows: int) -> list[onnx.TensorProto]:
    """Matrices with ``rows`` in one of their axes: tables of the vocabulary."""
    graphs = [onnx.load(path).graph for path in folder.glob("*.onnx")]
    return [tensor for graph in graphs for tensor in graph.initializer if rows in tensor.dims and 1 not in tensor.dims]


def test_tied_weights_are_written_once(generator: Path, written: tuple[Path, ExportReport]) -> None:
    """And where int8 needs them apart, both are int8: nothing of the table stays in float32."""
    config = json.loads((generator / "config.json").read_text(encoding="utf-8"))
    tables = _large_weights(written[0], config["vocab_size"])
    decoder_tables = len(tables) - (1 if generator.name in SEQ2SEQ else 0)
    assert decoder_tables == (2 if generator.name == "mt5" else 1)


def test_int8_of_a_tied_decoder_keeps_no_table_in_float32(
    generator: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    """A table that the output layer shares in float32 would be dequantised at every token."""
    report = export_folder(generator, tmp_path / "int8", recipe=Recipe(quantize="int8", tolerance=1.0))
    assert report.precision == "int8"
    config = json.loads((generator / "config.json").read_text(encoding="utf-8"))
    tables = [tensor for tensor in _large_weights(tmp_path / "int8", config["vocab_size"]) if len(tensor.dims) == 2]
    assert tables
    assert {tensor.data_type for tensor in tables} <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
