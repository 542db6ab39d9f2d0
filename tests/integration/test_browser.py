"""The page in examples/browser answers in headless Chromium what the Python runtime answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinkd_export.runtime import Student

BROWSER = Path(__file__).parents[2] / "examples" / "browser"
STUDENT = "zoo:minilm-l3-reviews"
SENTENCES = 50
TOLERANCE = 0.01
"""Of a probability: WebAssembly sums in another order than this machine, and int8 rounds what it sums."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [name for name, found in (("node", shutil.which("node")), ("Chromium", CHROMIUM)) if not found]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (see CONTRIBUTING.md)"),
]


def run(*words: str | Path, cwd: Path) -> None:
    environment = {**os.environ, "CHROMIUM": str(CHROMIUM)}
    command = [str(word) for word in words]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of the zoo in int8, where transformers.js looks for it."""
    folder = tmp_path_factory.mktemp("student")
    options = ("--quantize", "int8", "--layout", "transformers.js", "--tolerance", "1")
    run(sys.executable, "-m", "sinkd_plugin", "export", STUDENT, "--to", "exported", *options, cwd=folder)
    return folder / "exported"


@pytest.fixture(scope="module")
def address(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The page on a free port, and the folder that it runs in, with its packages as its lock file has them."""
    folder = tmp_path_factory.mktemp("browser") / "browser"
    shutil.copytree(BROWSER, folder, ignore=shutil.ignore_patterns("node_modules"))
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    command = ["node", "server.js", str(exported), "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip(), folder
        server.terminate()


def test_labels_and_scores_are_those_of_the_runtime(
    exported: Path, address: tuple[str, Path], reviews_dir: Path, tmp_path: Path
) -> None:
    from sinkd_plugin.tasks.load import load_task
    from sinkd_plugin.tasks.options import DataOptions

    url, folder = address
    task = load_task("reviews", data_dir=reviews_dir, data=DataOptions(max_test_samples=SENTENCES), seed=0)
    sentences = [row[0] for row in task.text("test")]
    (tmp_path / "sentences.json").write_text(json.dumps(sentences), encoding="utf-8")
    files = [tmp_path / name for name in ("sentences.json", "answers.json", "page.png")]
    run("node", "check.js", url, *files, cwd=folder)

    answers = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    student = Student.load(exported, file="onnx/model_quantized.onnx")
    expected = student.predict(sentences, batch_size=1)  # int8 depends on what is computed together
    assert len(answers) == SENTENCES
    assert {answer["label"] for answer in answers} == {"negative", "positive"}
    for answer, other in zip(answers, expected, strict=True):
        assert answer["scores"] == pytest.approx(other["scores"], abs=TOLERANCE)
        if abs(other["scores"]["positive"] - 0.5) > TOLERANCE:
            assert answer["label"] == other["label"]
    assert (tmp_path / "page.png").stat().st_size > 5000


def test_nothing_outside_of_the_two_folders_is_served(address: tuple[str, Path]) -> None:
    import httpx

    url, _ = address
    assert httpx.get(f"{url}/model/config.json").status_code == 200
    for path in (
        "/model/../../etc/passwd",
        "/model/%2e%2e/run/config.yaml",
        "/../deploy.py",
        "/%2e%2e%2fdeploy.py",
        "/model/",
        "/nothing",
    ):
        assert httpx.get(url + path).status_code == 404


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((BROWSER / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((BROWSER / "package.json").read_text(encoding="utf-8"))
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
