"""A provider that is not there is told, or required: the CPU never answers for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from sinkd_export.bench.bound import bound_call
from sinkd_export.bench.cuda_graph import Replayed
from sinkd_export.bench.forms import ALL, parse_forms
from sinkd_export.bench.options import Shape, parse_numbers, shape_grid
from sinkd_export.bench.placement import check_placement, matrix_products
from sinkd_export.bench.providers import available_providers, named_providers
from sinkd_export.bench_command import command
from sinkd_export.session import Classifier, open_session
from sinkd_plugin.errors import StorageError, UserError

QUICK = ("--batch", "1", "--seq", "8", "--rounds", "2", "--no-memory")


def bench(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_a_grid_of_batches_and_lengths() -> None:
    assert shape_grid(parse_numbers("1,8", "--batch"), parse_numbers("16", "--seq")) == (
        Shape(batch=1, length=16),
        Shape(batch=8, length=16),
    )


@pytest.mark.parametrize("text", ["", "0", "1,", "a", "1 8"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--batch must be whole numbers"):
        parse_numbers(text, "--batch")


@pytest.mark.parametrize("text", ["gpu", "cpu,cpu", ""])
def test_what_is_no_provider_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--provider takes different ones of cpu, cuda, tensorrt"):
        named_providers(text)


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_a_provider_that_is_not_there_is_told(exported: Path) -> None:
    done = bench(str(exported), *QUICK, "--provider", "cpu,cuda,tensorrt", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert [found["model"] for found in report["unavailable"]] == ["exported (cuda)", "exported (tensorrt)"]
    assert "no cuda on this machine" in report["unavailable"][0]["reason"]
    assert [found["model"] for found in report["measurements"]] == ["exported"]
    table = bench(str(exported), *QUICK, "--provider", "cpu,cuda")
    assert "exported (cuda)" in table.stdout
    assert "not available" in table.stdout


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_where_nothing_can_be_timed_every_row_says_why(exported: Path, classifier: Path, tmp_path: Path) -> None:
    page, record = tmp_path / "report.html", tmp_path / "record.json"
    words = (str(classifier), str(exported), *QUICK, "--form", "eager,int8", "--provider", "cuda")
    done = bench(*words, "--output", str(record), "--report", str(page))
    assert done.exit_code == 0, done.exception
    assert done.stdout.count("not available") == 3
    report = json.loads(record.read_text(encoding="utf-8"))
    assert report["measurements"] == report["models"] == []
    reasons = {found["model"]: found["reason"] for found in report["unavailable"]}
    assert set(reasons) == {"classifier (cuda)", "classifier, int8 (cuda)", "exported (cuda)"}
    assert all("no cuda on this machine" in reason for reason in reasons.values())
    text = page.read_text(encoding="utf-8")
    assert "Nothing could be timed" in text
    assert "exported (cuda)" in text
    refused = bench("--compare", str(record), str(record))
    assert "nothing that was timed" in str(refused.exception)


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_a_required_provider_must_be_there(exported: Path) -> None:
    done = bench(str(exported), "--require", "cuda")
    assert isinstance(done.exception, UserError)
    assert "'cuda' is required" in str(done.exception)
    both = bench(str(exported), "--require", "cpu,cuda")
    assert "'cuda' is required" in str(both.exception)


def test_shape_and_grid_exclude_each_other(exported: Path) -> None:
    assert "either --shape, or --batch and --seq" in str(bench(str(exported), "--shape", "1x8", "--seq", "8").exception)


def test_a_session_that_names_a_provider_but_computes_on_the_cpu_is_refused(exported: Path) -> None:
    """onnxruntime's Azure provider is in every wheel and computes nothing: a silent fallback that needs no GPU."""
    ids = np.ones((1, 8), np.int64)
    inputs = {"input_ids": ids, "attention_mask": ids, "token_type_ids": ids * 0}
    graph = exported / "model.onnx"
    assert open_session(graph, provider="azure").get_providers()[0] == "AzureExecutionProvider"
    with pytest.raises(StorageError, match=r"AzureExecutionProvider must compute.*\d+ on CPUExecutionProvider"):
        check_placement(graph, "azure", inputs)
    check_placement(graph, "cpu", inputs)
    products = matrix_products(graph, "cpu", inputs)
    assert products["CPUExecutionProvider"] >= 12  # six of each layer: query, key, value, output, two of feed-forward


def test_inputs_that_are_bound_give_the_same_logits(exported: Path) -> None:
    ids = np.arange(5, 13, dtype=np.int64)[None]
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    session = open_session(exported / "model.onnx")
    binding = bound_call(session, inputs, "cpu")()
    (found,) = binding.copy_outputs_to_cpu()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(found, Classifier(session)(inputs))


def some_inputs(rows: int, length: int) -> dict[str, NDArray[np.int64]]:
    ids = np.random.default_rng(rows * length).integers(5, 50, (rows, length))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def test_replayed_batches_of_two_shapes_keep_their_own_logits(exported: Path) -> None:
    """On the CPU nothing is recorded, but everything is bound and numbered as on a GPU."""
    graph = exported / "model.onnx"
    replayed, plain = Replayed(graph, threads=1, provider="cpu"), Classifier(open_session(graph))
    batches = some_inputs(1, 8), some_inputs(3, 12)
    calls = [replayed.prepare(inputs) for inputs in batches]
    for call, inputs in zip([*calls, *calls], [*batches, *batches], strict=True):
        (found,) = call().copy_outputs_to_cpu()  # type: ignore[attr-defined]
        np.testing.assert_array_equal(found, plain(inputs))
    np.testing.assert_array_equal(replayed.compute(batches[1]), plain(batches[1]))


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_without_a_gpu_no_graph_is_recorded(exported: Path) -> None:
    with pytest.raises(UserError, match=r"A CUDA graph must have every node on the GPU.*Leave out the form cudagraph"):
        Replayed(exported / "model.onnx", threads=1)


def test_replaying_belongs_to_cuda(classifier: Path) -> None:
    assert parse_forms("all", ("cpu", "cuda")) == (*ALL, "cudagraph")
    assert "cudagraph" not in parse_forms("all", ("cpu",))
    done = bench(str(classifier), *QUICK, "--form", "eager,cudagraph", "--json")
    assert done.exit_code == 0
    (missing,) = json.loads(done.stdout)["unavailable"]
    assert missing["reason"] == "CUDA graphs are replayed on the provider cuda alone"
