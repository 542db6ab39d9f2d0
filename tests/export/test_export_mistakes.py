"""Each mistake that a user of `sinkd export` can make: one sentence, its exit code, and nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

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
        (("--per-tensor",), "for a lower precision: --quantize int8"),
        (("--per-channel", "--quantize", "fp16"), "Received: --quantize fp16. Add --quantize int8, or leave it out"),
        (("--tolerance", "0.01"), "--tolerance is for a lower precision: --quantize int8 or fp16, or --optimize O4"),
        (("--tolerance", "0.01", "--optimize", "O2"), "Received: no lower precision"),
        (("--samples", 5), "--samples belongs to a task, and none is used"),
    ],
)
def test_options_that_make_no_sense(
    options: tuple[object, ...], rule: str, classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = sinkd(capsys, "export", classifier, "--to", tmp_path / "out", *options)
    assert code == 2
    assert rule in told
    assert list(tmp_path.iterdir()) == []


ALONE = """
import sys
from sinkd_plugin.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(sorted({"torch", "transformers", "onnx", "onnxruntime"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("where", "options", "code", "rule"),
    [
        ("full", (), 2, "The target must not exist yet"),
        ("full", ("--force",), 2, "--force replaces earlier exports only"),
        ("full/file/out", (), 1, "must be writable"),
    ],
)
def test_a_target_that_cannot_be_is_told_before_anything_is_loaded(
    where: str, options: tuple[str, ...], code: int, rule: str, classifier: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine", encoding="utf-8")
    words = [sys.executable, "-c", ALONE, "export", str(classifier), "--to", str(tmp_path / where), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout) == (code, "[]\n"), done.stderr
    assert rule in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "file"]


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


@pytest.mark.parametrize(
    ("file", "settings", "code", "rule"),
    [
        ("config.json", {"problem_type": "multi_label_classification"}, 2, "exactly one of its labels"),
        ("config.json", {"problem_type": "regression"}, 2, "Received: problem_type 'regression'"),
        ("config.json", {"return_dict": False}, 2, "Remove return_dict there"),
        ("config.json", {"hidden_act": "nonsense"}, 1, "KeyError: 'nonsense'"),
        ("config.json", {"num_hidden_layers": "2"}, 1, "transformers can build"),
        ("config.json", {"num_attention_heads": 0}, 1, "transformers can build"),
        ("config.json", {"max_position_embeddings": "many"}, 2, "max_position_embeddings in config.json must be"),
        ("tokenizer_config.json", {"model_max_length": "lots"}, 2, "model_max_length in tokenizer_config.json must"),
        ("tokenizer_config.json", {"model_max_length": -5}, 2, "at least 4. Received: -5"),
        ("tokenizer_config.json", {"model_max_length": 2}, 2, "at least 4. Received: 2"),
        ("sinkd.json", {"max_length": 1}, 2, "at least 4. Received: 1"),
    ],
)
def test_a_setting_that_cannot_be(
    file: str,
    settings: dict[str, object],
    code: int,
    rule: str,
    classifier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = Path(shutil.copytree(classifier, tmp_path / "copy"))
    written = json.loads((copy / file).read_text(encoding="utf-8")) if (copy / file).is_file() else {}
    (copy / file).write_text(json.dumps({**written, **settings}), encoding="utf-8")
    found, told = sinkd(capsys, "export", copy, "--to", tmp_path / "out")
    assert found == code, told
    assert rule in told
    assert f"'{copy}'" in told
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_weights_that_are_no_numbers(classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copytree(classifier, tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    code, told = sinkd(capsys, "export", copy, "--to", tmp_path / "out")
    assert code == 2
    assert f"logits in PyTorch must be finite. Received: '{copy}', where some are not" in told
    assert not (tmp_path / "out").exists()


def test_a_card_that_is_no_text_has_no_metadata(
    classifier: Path, tmp_path: Path, export_folder: Callable[..., object]
) -> None:
    copy = Path(shutil.copytree(classifier, tmp_path / "copy"))
    (copy / "README.md").write_bytes("---\nlicence: café\n---\n".encode("latin-1"))
    export_folder(copy, tmp_path / "out")
    assert "licence" not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_three_texts_in_a_line(classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "texts.txt").write_text("one\ttwo\n\none\ttwo\tthree\n", encoding="utf-8")
    code, told = sinkd(capsys, "export", classifier, "--to", tmp_path / "out", "--texts", tmp_path / "texts.txt")
    assert code == 2
    assert f"2 tabs in line 3 of '{tmp_path / 'texts.txt'}'" in told
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
