"""A model in all its forms: made for the run, compared with PyTorch, or told why it is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig

from sinkd_export.bench import BenchOptions, Shape, bench
from sinkd_export.bench.floor import best_of, floor_ms, measure_peak
from sinkd_export.bench.flops import work_of
from sinkd_export.bench.footprint import Job, footprint
from sinkd_export.bench.forms import ALL, parse_forms
from sinkd_export.bench.records import Peak
from sinkd_export.families import MODEL_TYPES
from sinkd_plugin.errors import StorageError, UserError

SMALL = Shape(batch=2, length=16)


@pytest.mark.parametrize("text", ["", "int4", "int8,int8", "all,int8"])
def test_what_is_no_form_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--form takes 'all' or different ones of eager, compile, fp32"):
        parse_forms(text)


def test_all_forms() -> None:
    assert parse_forms("all") == ALL
    assert parse_forms("int8,eager") == ("int8", "eager")


def test_forms_of_one_model_are_named_and_compared(classifier: Path) -> None:
    forms = ("eager", "fp32", "O2", "int8", "fp16")
    report = bench([str(classifier)], BenchOptions(shapes=(SMALL,), rounds=2, forms=forms, memory=False))
    assert [model.name for model in report.models] == ["classifier", *(f"classifier, {form}" for form in forms[1:])]
    assert len({json.dumps(model.weights) for model in report.models}) == 1
    differences = {found.model.rpartition(" ")[2]: found.max_difference or 0.0 for found in report.agreements}
    assert set(differences) == set(forms[1:])
    assert differences["fp32"] < differences["fp16"] < differences["int8"]
    sizes = {model.form: model.size_bytes for model in report.models}
    assert max(sizes["int8"], sizes["fp16"]) < sizes["fp32"]


COMPILED = """
import sys
from sinkd_export.bench import BenchOptions, Shape, bench
options = BenchOptions(shapes=(Shape(batch=2, length=16),), rounds=2, forms=("eager", "compile"), memory=False)
report = bench([sys.argv[1]], options)
print([model.form for model in report.models], [(each.model, each.reason) for each in report.unavailable])
print([found.max_difference < 1e-4 for found in report.agreements])
"""


def compiled_with(compiler: str | None, classifier: Path, cache: Path) -> str:
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache)}
    if compiler is not None:
        environment["CXX"] = compiler
    words = [sys.executable, "-c", COMPILED, str(classifier)]
    return subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout


def test_without_a_compiler_compile_is_a_row_with_the_reason(classifier: Path, tmp_path: Path) -> None:
    told = compiled_with("/nonexistent/g++", classifier, tmp_path)
    assert told.startswith("['eager'] [('classifier, compile', ")
    assert "torch.compile needs a working C++ compiler. Received: " in told
    assert "/nonexistent/g++" in told


@pytest.mark.slow
def test_compiled_models_compute_the_same(classifier: Path, tmp_path: Path) -> None:
    told = compiled_with(None, classifier, tmp_path)
    assert told.splitlines() == ["['eager', 'compile'] []", "[True]"]


def test_a_generative_model_writes_the_same_in_onnxruntime(tmp_path: Path, save_generator: Callable[..., Path]) -> None:
    folder = save_generator(tmp_path / "gpt_neo", "gpt_neo")
    options = BenchOptions(shapes=(SMALL,), rounds=2, forms=("eager", "fp32"), new_tokens=6, memory=False)
    report = bench([str(folder)], options)
    (found,) = report.agreements
    assert (found.max_difference, found.argmax_agreement) == (None, 1.0)
    assert report.new_tokens == 6
    assert all(found.floor_ms is not None and found.floor_ms > 0 for found in report.measurements)


def test_writers_and_labellers_are_not_timed_together(
    classifier: Path, tmp_path: Path, save_generator: Callable[..., Path]
) -> None:
    writer = save_generator(tmp_path / "gpt2", "gpt2")
    with pytest.raises(UserError, match=r"must all label, or all write text.*'classifier' labels, 'gpt2' writes"):
        bench([str(classifier), str(writer)], BenchOptions(shapes=(SMALL,), rounds=1))
    with pytest.raises(UserError, match="Only classifiers are timed on a task"):
        bench([str(writer)], BenchOptions(shapes=(SMALL,), rounds=1, task="reviews", memory=False))


def test_what_a_decoder_writes_needs_positions(
    tmp_path: Path, save_generator: Callable[..., Path], positions: int
) -> None:
    writer = save_generator(tmp_path / "gpt2", "gpt2")
    shape = Shape(batch=1, length=positions - 4)
    with pytest.raises(UserError, match=f"and 5 to write, and 'gpt2' takes {positions} tokens"):
        bench([str(writer)], BenchOptions(shapes=(shape,), rounds=1, new_tokens=5))


def test_the_work_of_a_bert_is_what_its_sizes_say(classifier: Path) -> None:
    work = work_of(classifier, SMALL)
    tokens, width, inner, layers, labels = 32, 32, 64, 2, 3
    linear = 2 * tokens * layers * (4 * width**2 + 2 * width * inner) + 2 * 2 * (width**2 + width * labels)
    assert work is not None
    assert work.weights == linear
    assert work.attention == 2 * 2 * tokens * SMALL.length * width * layers


def test_a_written_token_costs_what_the_sizes_of_a_t5_say(tmp_path: Path, save_generator: Callable[..., Path]) -> None:
    folder = save_generator(tmp_path / "t5", "t5")
    config = AutoConfig.from_pretrained(folder)
    width, inner, heads = config.d_model, config.d_ff, config.num_heads * config.d_kv
    first, second, third = (work_of(folder, SMALL, new_tokens) for new_tokens in (1, 2, 3))
    assert first is not None
    assert second is not None
    assert third is not None
    layer = 4 * width * heads + 2 * width * heads + 2 * width * inner  # of the text, keys and values stand in the cache
    token = 2 * SMALL.batch * (config.num_decoder_layers * layer + width * config.vocab_size)
    assert second.weights - first.weights == third.weights - second.weights == token
    assert third.attention - second.attention > second.attention - first.attention  # what was written grows


@pytest.mark.parametrize("kind", [*MODEL_TYPES["encoder_decoder"], *MODEL_TYPES["decoder"]])
def test_the_work_of_every_writer_is_counted(kind: str, tmp_path: Path, save_generator: Callable[..., Path]) -> None:
    one, more = (work_of(save_generator(tmp_path / kind, kind), SMALL, new_tokens) for new_tokens in (1, 4))
    assert one is not None
    assert more is not None
    assert more.weights > one.weights > 0
    assert more.attention > one.attention > 0


@pytest.mark.parametrize("kind", MODEL_TYPES["encoder"])
def test_the_work_of_every_encoder_is_counted(kind: str, tmp_path: Path, save_classifier: Callable[..., Path]) -> None:
    work = work_of(save_classifier(tmp_path / kind, kind), SMALL)
    assert work is not None
    assert work.weights > 2 * 32 * 2 * 4 * 32**2 * 0.9
    assert work.attention > 0


def test_the_floor_is_the_time_at_the_peak(classifier: Path) -> None:
    work = work_of(classifier, SMALL)
    assert work is not None
    peak = Peak(float32_gflops=100.0, int8_gops=400.0)
    assert floor_ms(work, "fp32", peak) == pytest.approx((work.weights + work.attention) / 100e9 * 1e3)
    assert floor_ms(work, "int8", peak) == pytest.approx((work.weights / 400e9 + work.attention / 100e9) * 1e3)
    other = Peak(float32_gflops=90.0, int8_gops=500.0)
    assert best_of(peak, other) == Peak(float32_gflops=100.0, int8_gops=500.0)
    assert min(measure_peak(1).float32_gflops, measure_peak(1).int8_gops) > 0


def test_a_graph_is_measured_where_torch_was_never_imported() -> None:
    heavy = "('torch', 'transformers', 'onnx', 'optimum')"
    program = f"import sys, sinkd_export.bench.engines; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_memory_is_that_of_a_process_of_its_own(exported: Path, classifier: Path) -> None:
    ballast = np.ones(100_000_000, np.int8)
    common = {"provider": "cpu", "threads": 1, "new_tokens": 1, "generates": False, "shapes": ((1, 8),)}
    graph = footprint(Job(model=str(exported), graph=str(exported / "model.onnx"), form="fp32", **common))  # type: ignore[arg-type]
    eager = footprint(Job(model=str(classifier), graph=None, form="eager", **common))  # type: ignore[arg-type]
    assert graph.load_ms > 0
    assert graph.peak_memory_mb is not None
    assert eager.peak_memory_mb is not None
    assert graph.peak_memory_mb + ballast.nbytes / 1e6 < eager.peak_memory_mb  # it needs no torch, and not us
    with pytest.raises(StorageError, match="--no-memory"):
        footprint(Job(model=str(exported / "nowhere"), graph=None, form="eager", **common))  # type: ignore[arg-type]
