"""What a deployer installs: the wheel without its dependencies, and the three packages that the runtime needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_export.export import export_model
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.runtime import Student
from sinkd_export.sentences import choose_sentences
from sinkd_export.source import find_source
from sinkd_export.targets import export_targets

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
from sinkd_export.runtime import Student
student = Student.load(sys.argv[1])
print(json.dumps([*student.predict(sys.argv[2:]), *student.predict_stream(iter(sys.argv[2:]), window=4)]))
own = {"torch", "transformers", "pydantic", "yaml", "click", "rich", "pluggy", "onnx", "optimum", "huggingface_hub"}
assert not own & set(sys.modules), own & set(sys.modules)
"""


def test_three_packages_are_enough_to_predict(
    wheel: Path, new_environment: Callable[..., Path], make_model: Callable[..., Path], tmp_path: Path
) -> None:
    names = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    target, model = export_targets().get("onnx"), make_model(labels=2, max_position_embeddings=128, **names)
    exported = tmp_path / "exported"
    export_model(find_source(str(model), target), exported, target=target, sentences=choose_sentences(model))

    binaries = new_environment("alone", "numpy", "onnxruntime", "tokenizers")
    subprocess.run([binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    installed = json.loads(subprocess.check_output([binaries / "python", "-m", "pip", "list", "--format", "json"]))
    assert not {"torch", "transformers", "pydantic"} & {package["name"] for package in installed}

    command = [binaries / "python", "-W", "error", "-c", PROGRAM, exported, *OWN_SENTENCES]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answers = json.loads(done.stdout)
    assert len(answers) == 2 * len(OWN_SENTENCES)
    for answer, expected in zip(answers, Student.load(exported).predict(OWN_SENTENCES * 2), strict=True):
        assert answer["label"] == expected["label"]
        assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-5)
