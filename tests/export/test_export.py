"""An export is complete, proven and described, or it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime
import pytest
import yaml
from onnx import numpy_helper

from sinkd_export.convert.recipe import OPSET
from sinkd_export.families import MODEL_TYPES
from sinkd_export.prove.graph import graph_problems
from sinkd_export.report import ExportReport
from sinkd_export.runtime import Student
from sinkd_export.specs import ExportTargetSpec
from sinkd_plugin.errors import StorageError, UserError, VerificationError


def test_the_folder_holds_what_deployments_expect(exported: Path) -> None:
    names = {path.name for path in exported.iterdir()}
    assert {"model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json", "README.md", "export.json"} <= names
    assert not any(name.endswith((".partial", ".safetensors")) for name in names)
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]


def test_report_names_every_file_with_its_checksum(exported: Path, classifier: Path, positions: int) -> None:
    report = json.loads((exported / "export.json").read_text(encoding="utf-8"))
    for name, record in report["files"].items():
        data = (exported / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (record["size_bytes"], record["sha256"])
    assert {*report["files"], "export.json"} == {path.name for path in exported.iterdir()}
    weights = hashlib.sha256((classifier / "model.safetensors").read_bytes()).hexdigest()
    assert report["source_weights"] == {"model.safetensors": weights}
    assert report["labels"] == ["negative", "neutral", "positive"]
    assert report["max_length"] == positions
    assert report["sentence_count"] > 20
    assert report["versions"]["onnxruntime"] == onnxruntime.__version__


def test_report_tells_how_close_the_export_is(exported: Path, positions: int) -> None:
    parity = json.loads((exported / "export.json").read_text(encoding="utf-8"))["parity"]
    assert 0 <= parity["relative_difference"] <= parity["tolerance"]
    assert parity["logit_range"] > 1
    cases = {case["case"]: case for case in parity["cases"]}
    assert cases["real sentences"]["rows"] > 20
    assert {"one token, batch 1", "one token, batch 7", f"longest ({positions} tokens)"} <= set(cases)
    assert all(case["argmax_agreement"] == 1 for case in cases.values())
    assert all(case["mean_difference"] <= case["max_difference"] for case in cases.values())


def test_graph_has_the_stated_opset_and_dynamic_axes(exported: Path) -> None:
    graph = onnx.load(exported / "model.onnx")
    assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [OPSET]
    assert graph_problems(exported / "model.onnx", "classification", opset=OPSET) == []


def test_exporting_twice_gives_the_same_bytes(
    classifier: Path, exported: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    export_folder(classifier, tmp_path / "again")
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (exported / "model.onnx").read_bytes()


def test_card_keeps_the_metadata_of_the_model(
    tmp_path: Path, save_classifier: Callable[..., Path], export_folder: Callable[..., ExportReport]
) -> None:
    folder = save_classifier(tmp_path / "model")
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage: en\ntags: [onnx, x]\n---\n# M\n", encoding="utf-8")
    export_folder(folder, tmp_path / "out")
    _, header, body = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    metadata = yaml.safe_load(header)
    assert (metadata["license"], metadata["language"], metadata["tags"]) == ("mit", "en", ["x", "onnx"])
    assert "real sentences" in body


@pytest.mark.parametrize("family", sorted({*MODEL_TYPES["encoder"]} - {"bert"}))
def test_every_family_is_exported_and_verified(
    family: str, tmp_path: Path, save_classifier: Callable[..., Path], export_folder: Callable[..., ExportReport]
) -> None:
    sizes = {"mobilebert": {"intra_bottleneck_size": 16, "true_hidden_size": 16}}
    folder = save_classifier(tmp_path / family, family, **sizes.get(family, {}))
    report = export_folder(folder, tmp_path / "out")
    assert report.parity.relative_difference <= 1e-3


def _sabotage(folder: Path, scale: float) -> None:
    graph = onnx.load(folder / "model.onnx")
    weight = next(tensor for tensor in graph.graph.initializer if tensor.name == "classifier.weight")
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * scale, weight.name))
    onnx.save(graph, folder / "model.onnx")


@pytest.mark.parametrize(("scale", "found"), [(-1.0, "labels differ"), (1.01, "a logit differs"), (1e38, "differ")])
def test_a_wrong_weight_is_found(
    classifier: Path,
    onnx_target: ExportTargetSpec,
    tmp_path: Path,
    scale: float,
    found: str,
    export_folder: Callable[..., ExportReport],
) -> None:
    def sabotage(folder: Path) -> None:
        _sabotage(folder, scale)

    with pytest.raises(VerificationError, match=found) as caught:
        export_folder(classifier, tmp_path / "out", replace(onnx_target, arrange=sabotage))
    assert "real sentences" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def _static_axes(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    for value in graph.graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = 16
    onnx.save(graph, folder / "model.onnx")


def _other_name(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    last = next(node for node in graph.graph.node if "logits" in node.output)
    last.output[0] = graph.graph.output[0].name = "scores"
    onnx.save(graph, folder / "model.onnx")


def _cut_short(folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])


def _other_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"lowercase": true', '"lowercase": false'), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("damage", "found"),
    [(_static_axes, "dynamic axes"), (_other_name, "outputs must be logits, not scores"), (_cut_short, "onnx.checker")],
)
def test_a_wrong_form_is_found(
    classifier: Path,
    onnx_target: ExportTargetSpec,
    tmp_path: Path,
    damage: Callable[[Path], None],
    found: str,
    export_folder: Callable[..., ExportReport],
) -> None:
    with pytest.raises(VerificationError, match=found):
        export_folder(classifier, tmp_path / "out", replace(onnx_target, arrange=damage))
    assert list(tmp_path.iterdir()) == []


def test_another_tokenizer_is_found(
    classifier: Path, onnx_target: ExportTargetSpec, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    with pytest.raises(VerificationError, match=r"tokenizer\.json gives other input_ids"):
        export_folder(classifier, tmp_path / "out", replace(onnx_target, arrange=_other_tokenizer))


def test_an_export_is_replaced_only_on_demand(
    classifier: Path, exported: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    before = (exported / "export.json").read_bytes()
    with pytest.raises(UserError, match="--force"):
        export_folder(classifier, exported)
    assert (exported / "export.json").read_bytes() == before
    export_folder(classifier, exported, overwrite=True)
    assert (exported / "model.onnx").is_file()
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]


def test_force_never_replaces_what_is_no_export(
    classifier: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(UserError, match="earlier exports only"):
        export_folder(classifier, tmp_path, overwrite=True)
    for folder in (classifier, classifier.parent):
        with pytest.raises(UserError, match="must not replace the model"):
            export_folder(classifier, folder, overwrite=True)
    assert (tmp_path / "thesis.txt").is_file()
    assert (classifier / "model.safetensors").is_file()


def test_a_failed_replacement_leaves_the_earlier_export(
    classifier: Path, exported: Path, onnx_target: ExportTargetSpec, export_folder: Callable[..., ExportReport]
) -> None:
    def fail(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    before = (exported / "model.onnx").read_bytes()
    with pytest.raises(StorageError, match="disk is full"):
        export_folder(classifier, exported, replace(onnx_target, arrange=fail), overwrite=True)
    assert (exported / "model.onnx").read_bytes() == before
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]


def test_a_file_that_cannot_grow_is_a_storage_error(
    classifier: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    """The operating system refuses real writes in the middle of the graph."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(StorageError, match="must be writable"):
            export_folder(classifier, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_leaves_nothing_under_its_name(
    classifier: Path, tmp_path: Path, export_folder: Callable[..., ExportReport]
) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "export", str(classifier), "--to", str(tmp_path / "out")]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    export_folder(classifier, tmp_path / "out")


def test_the_card_says_how_long_a_text_may_be(exported: Path) -> None:
    report = json.loads((exported / "export.json").read_text(encoding="utf-8"))
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert f"The graph takes at most {report['max_length']} tokens" in card


def test_the_names_that_transformers_gives_itself_are_told(
    tmp_path: Path, save_classifier: Callable[..., Path], export_folder: Callable[..., ExportReport]
) -> None:
    """It leaves ``LABEL_0`` and ``LABEL_1`` out of a config.json that it saves."""
    names = {0: "LABEL_0", 1: "LABEL_1"}
    folder = save_classifier(tmp_path / "model", id2label=names, label2id={name: key for key, name in names.items()})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "id2label": names}), encoding="utf-8")
    export_folder(folder, tmp_path / "exported")
    assert Student.load(tmp_path / "exported").labels == ("LABEL_0", "LABEL_1")
