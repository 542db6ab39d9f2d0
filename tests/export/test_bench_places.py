"""What a reference names: an export in any layout, or one graph of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sinkd_export.bench import BenchOptions, BenchReport, Shape, bench
from sinkd_export.convert.recipe import Recipe
from sinkd_export.targets import export_targets

OPTIONS = BenchOptions(shapes=(Shape(batch=2, length=16),), rounds=2, memory=False)


def forms(report: BenchReport) -> dict[str, str]:
    return {model.name: model.form for model in report.models}


def test_each_graph_of_a_browsers_folder_can_be_timed(
    classifier: Path, tmp_path: Path, export_folder: Callable[..., object]
) -> None:
    into = tmp_path / "browser"
    export_folder(classifier, into, recipe=Recipe(quantize="int8", tolerance=1.0), layout="transformers.js")
    report = bench([str(into), str(into / "onnx" / "model_quantized.onnx")], OPTIONS)
    assert forms(report) == {"browser": "fp32", "onnx/model_quantized.onnx": "int8"}
    whole, quantised = report.models
    assert quantised.size_bytes < whole.size_bytes
    assert quantised.weights == whole.weights  # of the model they were made of
    (found,) = report.agreements
    assert found.max_difference is not None
    assert found.max_difference > 0


def test_two_graphs_of_one_name_are_told_apart(exported: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(exported)
    report = bench([str(exported / "model.onnx"), str(other / "model.onnx")], OPTIONS)
    assert list(forms(report)) == [f"{exported.name}/model.onnx", "other/model.onnx"]


def test_a_repository_of_triton_is_timed_as_its_backend_runs_it(
    classifier: Path, exported: Path, tmp_path: Path, export_folder: Callable[..., object]
) -> None:
    export_folder(classifier, tmp_path / "triton", export_targets().get("triton"))
    report = bench([str(exported), str(tmp_path / "triton")], OPTIONS)
    assert forms(report) == {"exported": "fp32", "triton": "fp32"}
    (found,) = report.agreements
    assert found.max_difference == 0


def test_a_model_with_graphs_beside_its_weights_is_a_model(classifier: Path, exported: Path, tmp_path: Path) -> None:
    both = Path(shutil.copytree(classifier, tmp_path / "both"))
    shutil.copytree(exported, both / "onnx")
    report = bench([str(both)], OPTIONS.model_copy(update={"forms": ("eager", "fp32")}))
    assert [(model.name, model.backend) for model in report.models] == [
        ("both", "pytorch"),
        ("both, fp32", "onnxruntime"),
    ]


def test_a_form_that_a_model_does_not_have_is_a_row_with_the_reason(
    tmp_path: Path, save_classifier: Callable[..., Path]
) -> None:
    mobile = save_classifier(tmp_path / "mobile", "mobilebert")
    report = bench([str(mobile)], OPTIONS.model_copy(update={"forms": ("eager", "fp32", "O2")}))
    assert [model.form for model in report.models] == ["eager", "fp32"]
    (missing,) = report.unavailable
    assert missing.model == "mobile, O2"
    assert "onnxruntime's optimizer knows" in missing.reason
