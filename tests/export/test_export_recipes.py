"""Every way to make a graph keeps its promise: fusions, precisions and their gate, layouts, weights apart, opsets."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from safetensors.torch import load_file, save_file

from sinkd_export.bench import BenchOptions, bench
from sinkd_export.bench.options import Shape
from sinkd_export.convert.recipe import NEWEST_OPSET, OLDEST_OPSET, Recipe
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.report import ExportReport
from sinkd_export.runtime import Student
from sinkd_export.sentences import choose_sentences
from sinkd_plugin.cli.main import main
from sinkd_plugin.errors import ConfigError, UserError
from sinkd_plugin.options import validate

TEXTS = list(OWN_SENTENCES[:6])
Export = Callable[..., ExportReport]


def operators(graph: Path) -> set[str]:
    return {node.op_type for node in onnx.load(graph, load_external_data=False).graph.node}


def positives(folder: Path, file: str | None = None) -> list[float]:
    return [found["scores"]["positive"] for found in Student.load(folder, file=file).predict(TEXTS, batch_size=1)]


@pytest.mark.parametrize("level", ["O1", "O2", "O3", "O4"])
def test_fusions_keep_what_is_computed(
    level: str, classifier: Path, exported: Path, tmp_path: Path, export_folder: Export
) -> None:
    options = {"optimize": level, "tolerance": 1.0}
    report = export_folder(classifier, tmp_path / "out", recipe=validate(Recipe, options))
    assert [record.name for record in report.variants] == ["pytorch", "fp32", level]
    assert report.precision == ("fp16" if level == "O4" else "fp32")
    close = 2e-2 if level == "O4" else 1e-2 if level == "O3" else 1e-4  # O3 approximates GELU
    assert positives(tmp_path / "out") == pytest.approx(positives(exported), abs=close)
    fused = operators(tmp_path / "out" / "model.onnx") - operators(exported / "model.onnx")
    assert bool(fused & {"Attention", "SkipLayerNormalization", "EmbedLayerNormalization"}) == (level != "O1")


def test_a_precision_that_costs_too_much_is_not_kept(
    classifier: Path, tmp_path: Path, export_folder: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that is never active does nothing, but where all weights share one scale its own leave none to others."""
    folder = Path(shutil.copytree(classifier, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    for name, tensor in weights.items():
        if name.endswith("intermediate.dense.weight"):
            tensor[0, 0] = 1e4
        if name.endswith("intermediate.dense.bias"):
            tensor[0] = -1e6
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SystemExit):
        main(["export", str(folder), "--to", str(tmp_path / "out"), "--quantize", "int8", "--per-tensor"])
    assert "Warning: int8 is not kept: it costs" in capsys.readouterr().err
    report = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    price = report["price"]
    assert (price["kept"], report["precision"]) == (False, "fp32")
    assert price["lost"] > price["tolerance"] == 0.01
    assert "more than the tolerance of 0.01" in price["reason"]
    assert {record["name"]: record["shipped"] for record in report["variants"]} == {
        "pytorch": False,
        "fp32": True,
        "int8": False,
    }
    assert "MatMulInteger" not in operators(tmp_path / "out" / "model.onnx")
    export_folder(folder, tmp_path / "fp32")
    assert (tmp_path / "out" / "model.onnx").read_bytes() == (tmp_path / "fp32" / "model.onnx").read_bytes()


def test_a_precision_within_the_tolerance_is_kept(classifier: Path, tmp_path: Path, export_folder: Export) -> None:
    report = export_folder(classifier, tmp_path / "out", recipe=Recipe(quantize="int8", tolerance=1.0))
    assert report.price is not None
    assert (report.price.kept, report.price.reason, report.precision) == (True, None, "int8")
    assert report.price.lost is not None
    assert 0 <= report.price.lost <= 1
    assert report.price.measured_as.startswith("share of the real sentences' rows")
    assert report.price.instruction_sets


def test_with_a_task_the_price_is_its_metric(
    tmp_path: Path, save_classifier: Callable[..., Path], export_folder: Export
) -> None:
    labels = {0: "negative", 1: "positive"}
    folder = save_classifier(tmp_path / "two", id2label=labels, label2id={name: key for key, name in labels.items()})
    sentences = choose_sentences(folder, task="reviews", samples=60)
    recipe = Recipe(quantize="int8", tolerance=1.0)
    report = export_folder(folder, tmp_path / "out", sentences=sentences, recipe=recipe)
    scores = {record.name: record.score for record in report.variants}
    assert report.price is not None
    assert report.price.measured_as == "accuracy on the validation split of reviews, n = 60"
    assert scores["pytorch"] is not None
    assert scores["int8"] is not None
    assert report.price.lost == pytest.approx(scores["pytorch"] - scores["int8"])
    assert scores["fp32"] == scores["pytorch"]


def test_static_ranges_are_in_the_graph(
    classifier: Path, exported: Path, tmp_path: Path, export_folder: Export
) -> None:
    recipe = Recipe(quantize="int8", static=True, tolerance=1.0)
    report = export_folder(classifier, tmp_path / "out", recipe=recipe)
    assert report.precision == "int8"
    found = operators(tmp_path / "out" / "model.onnx")
    assert "QuantizeLinear" in found
    assert "DynamicQuantizeLinear" not in found
    near = zip(positives(tmp_path / "out"), positives(exported), strict=True)
    assert sum(abs(one - other) < 0.2 for one, other in near) >= len(TEXTS) - 1
    together = Student.load(tmp_path / "out").predict(TEXTS, batch_size=len(TEXTS))
    assert [each["scores"]["positive"] for each in together] == pytest.approx(positives(tmp_path / "out"), abs=1e-5)


def test_static_ranges_are_for_classifiers(
    tmp_path: Path, save_generator: Callable[..., Path], export_folder: Export
) -> None:
    folder = save_generator(tmp_path / "gpt2", "gpt2")
    with pytest.raises(UserError, match=r"Static ranges are for classifiers.*gpt2"):
        export_folder(folder, tmp_path / "out", recipe=Recipe(quantize="int8", static=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"static": True}, "static ranges belong to quantize 'int8'"),
        ({"static": True, "quantize": "fp16"}, "static ranges belong to quantize 'int8'"),
        ({"optimize": "O4", "quantize": "int8"}, "cannot be quantised to int8 as well"),
        ({"optimize": "O2", "opset": 16}, "fuses into LayerNormalization, which opset 16 does not have"),
        ({"opset": OLDEST_OPSET - 1}, "opset"),
        ({"opset": NEWEST_OPSET + 1}, "opset"),
        ({"tolerance": 1.5}, "tolerance"),
        ({"quantize": "int4"}, "quantize"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(options: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        validate(Recipe, options)


@pytest.mark.parametrize("opset", [OLDEST_OPSET, NEWEST_OPSET])
def test_the_oldest_and_the_newest_opset(opset: int, classifier: Path, tmp_path: Path, export_folder: Export) -> None:
    report = export_folder(classifier, tmp_path / "out", recipe=Recipe(opset=opset))
    graph = onnx.load(tmp_path / "out" / "model.onnx")
    assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [opset] == [report.opset]


def test_the_layout_of_transformers_js(classifier: Path, exported: Path, tmp_path: Path, export_folder: Export) -> None:
    recipe = Recipe(quantize="int8", tolerance=1.0)
    report = export_folder(classifier, tmp_path / "out", recipe=recipe, layout="transformers.js")
    graphs = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.onnx"))
    assert graphs == ["onnx/model.onnx", "onnx/model_quantized.onnx"]
    assert (tmp_path / "out" / "config.json").is_file()
    assert report.layout == "transformers.js"
    assert positives(tmp_path / "out") == positives(exported)  # the float32 graph unless another is named
    assert positives(tmp_path / "out", file="onnx/model_quantized.onnx") != positives(exported)


def test_in_the_layout_of_browsers_the_float32_graph_is_timed_and_called_so(
    classifier: Path, tmp_path: Path, export_folder: Export
) -> None:
    recipe = Recipe.model_validate({"quantize": "int8", "tolerance": 1.0})
    export_folder(classifier, tmp_path / "out", recipe=recipe, layout="transformers.js")
    options = BenchOptions(shapes=(Shape(batch=1, length=8),), rounds=1, memory=False)
    (model,) = bench([str(tmp_path / "out")], options).models
    assert model.form == "fp32"
    assert model.size_bytes == (tmp_path / "out" / "onnx" / "model.onnx").stat().st_size


def test_the_layout_of_transformers_js_in_half_precision(
    classifier: Path, tmp_path: Path, export_folder: Export
) -> None:
    recipe = Recipe(quantize="fp16", tolerance=1.0)
    export_folder(classifier, tmp_path / "out", recipe=recipe, layout="transformers.js")
    assert sorted(path.name for path in (tmp_path / "out" / "onnx").iterdir()) == ["model.onnx", "model_fp16.onnx"]


def test_weights_in_a_file_of_their_own(
    classifier: Path, exported: Path, tmp_path: Path, export_folder: Export
) -> None:
    report = export_folder(classifier, tmp_path / "out", recipe=Recipe(external_data=True))
    graph, weights = tmp_path / "out" / "model.onnx", tmp_path / "out" / "model.onnx_data"
    assert graph.stat().st_size < (exported / "model.onnx").stat().st_size < weights.stat().st_size + 100_000
    assert report.files["model.onnx_data"].sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert positives(tmp_path / "out") == positives(exported)
    recorded = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert recorded["recipe"]["external_data"] is True
