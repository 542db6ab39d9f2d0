"""Each mistake that a user of `sinkd export` can make: one sentence, its exit code, and nothing half-written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sinkd_export.runtime import Student
from sinkd_plugin.cli.main import main
from sinkd_plugin.errors import StorageError

SYSTEM = Path("/sys/sinkd-test")
"""A folder that nobody may make, root included."""


def sinkd(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Exit code and last line on stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    lines = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in lines if "Error" in line]
    assert len(errors) == 1, lines
    return int(ended.value.code or 0), errors[0]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("--opset", 11), "greater than or equal to 14"),
        (("--opset", 99), "less than or equal to 20"),
        (("--static",), "static ranges belong to quantize 'int8'"),
        (("--optimize", "O4", "--quantize", "fp16"), "stores weights in float16 already"),
        (("--task", "generation"), "Only generative models can generate"),
        (("--task", "reviws"), "Did you mean 'reviews'"),
        (("--task", "reviews", "--task", "boolq"), "one task to verify on"),
        (("--target", "onx"), "Did you mean 'onnx'"),
        (("--quantize", "int4"), "is not one of 'int8', 'fp16'"),
    ],
)
def test_options_that_make_no_sense(
    options: tuple[object, ...], rule: str, classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = sinkd(capsys, "export", classifier, "--to", tmp_path / "out", *options)
    assert code == 2
    assert rule in told
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_not_exported_or_quantised_again(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = sinkd(capsys, "export", exported, "--to", tmp_path / "out", "--quantize", "int8")
    assert code == 2
    assert "which is an export already" in told
    assert list(tmp_path.iterdir()) == []


def test_quantised_weights_are_not_quantised_again(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(classifier, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    code, told = sinkd(capsys, "export", copy, "--to", tmp_path / "out", "--quantize", "int8")
    assert code == 2
    assert "must not be quantised already. Received: weights in bitsandbytes" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not SYSTEM.parent.is_dir(), reason="there is no /sys to be refused by")
def test_a_target_that_may_not_be_written(classifier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = sinkd(capsys, "export", classifier, "--to", SYSTEM / "out")
    assert code == 1
    assert "must be writable" in told
    assert not SYSTEM.exists()


def test_a_target_below_a_file(classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    code, told = sinkd(capsys, "export", classifier, "--to", tmp_path / "file" / "out")
    assert code == 1
    assert "must be writable" in told
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("damage", [lambda data: data[:-5000], lambda _data: b"not a graph", lambda _data: b""])
def test_a_corrupt_graph(
    damage: Callable[[bytes], bytes], exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    graph = copy / "model.onnx"
    graph.write_bytes(damage(graph.read_bytes()))
    with pytest.raises(StorageError, match="must be an ONNX model that onnxruntime can load"):
        Student.load(copy)
    code, told = sinkd(capsys, "bench", copy, "--shape", "1x8", "--no-memory")
    assert code == 1
    assert "Export the model again" in told
    code, told = sinkd(capsys, "serve", copy, "--port", "0")
    assert code == 1
    assert "Export the model again" in told


def test_more_tokens_than_positions(
    exported: Path, classifier: Path, positions: int, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = sinkd(capsys, "bench", exported, "--shape", f"1x{positions + 1}", "--no-memory")
    assert code == 2
    assert f"takes {positions} tokens" in told
    student = Student.load(exported)
    long = student.predict(["good film " * 1000])  # cut, and not refused by the graph
    assert np.isfinite(list(long[0]["scores"].values())).all()


def test_a_required_provider_ends_with_its_own_code(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sinkd_export.bench.providers import available_providers

    if "cuda" in available_providers():
        pytest.skip("this machine has a GPU")
    code, told = sinkd(capsys, "bench", exported, "--provider", "cpu,cuda", "--require", "cuda")
    assert code == 2
    assert "'cuda' is required" in told
