"""The students that ship with the project are small, and are what their cards say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open

from sinkd_plugin.storage import sha256
from sinkd_plugin.zoo_files import file_problems
from sinkd_zoo import download
from sinkd_zoo.bundled_source import FOLDER
from sinkd_zoo.contents import require_harmless
from sinkd_zoo.index import Student, read_index
from sinkd_zoo.recipe import recipe_file

Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]

STUDENTS = read_index(FOLDER)
MOST_BYTES = 20_000_000

each_student = pytest.mark.parametrize("student", STUDENTS, ids=lambda student: student.name)


def test_together_they_are_small() -> None:
    assert sum(size for student in STUDENTS for size in student.sizes.values()) <= MOST_BYTES


@each_student
def test_the_folder_is_the_card(student: Student) -> None:
    folder = FOLDER / student.folder
    assert file_problems(folder, student.files) == []
    require_harmless(folder, student.files, student.name)
    assert {name: (folder / name).stat().st_size for name in student.files} == student.sizes
    assert re.fullmatch(r"[a-z0-9]+-[a-z0-9]+-[a-z0-9]+(-[a-z0-9]+)*", student.name)


@each_student
def test_weights_are_stored_in_half_precision(student: Student) -> None:
    for name in student.files:
        if name.endswith(".safetensors"):
            with safe_open(FOLDER / student.folder / name, "numpy") as weights:
                assert {weights.get_slice(key).get_dtype() for key in weights.keys()} == {"F16"}  # noqa: SIM118


@each_student
def test_the_card_carries_its_provenance(student: Student) -> None:
    details = student.details
    assert details["recipe_sha256"] == sha256(recipe_file(student.name)), "the recipe changed: build the student again"
    assert re.fullmatch("[0-9a-f]{40}", details["commit"])
    for scores in (details["teacher"], details["baselines"]["kl"]):
        assert scores["n"] == student.n == 1000
        assert scores["test"].keys() == scores["interval"].keys() == student.metrics.keys()
    assert student.license != "unknown"
    assert details["teacher"]["license"] != "unknown"
    assert details["data"]["license"].lower() == "mit"
    assert details["latency"]["median_ms"] > 0
    assert details["costs"][-1]["score"] == student.metrics[details["metric"]]
    assert details["versions"]["torch"]


@each_student
def test_it_loads_with_nothing_but_transformers(student: Student) -> None:
    import transformers

    folder = download(student.name)
    text = (folder / "README.md").read_text(encoding="utf-8")
    loader = re.search(r"(AutoModel\w+)\.from_pretrained\(folder\)", text)
    assert loader is not None
    model = getattr(transformers, loader[1]).from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) <= model.config.vocab_size
    given = tokenizer("a warm and clever film", return_tensors="pt")
    assert ("token_type_ids" in given) == (student.architecture == "encoder")
    if student.architecture != "encoder":
        assert model.generate(**given, max_new_tokens=2).shape[0] == 1
    assert sum(weight.numel() for weight in model.parameters()) == student.parameters


@pytest.mark.slow
@pytest.mark.network
@each_student
def test_it_scores_what_its_card_says(student: Student) -> None:
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", "evaluate", f"zoo:{student.name}@{student.revision}", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scored = json.loads(done.stdout)
    assert scored["n"] == student.n
    for metric, value in student.metrics.items():
        assert scored["test"][metric] == pytest.approx(value, abs=0.005)


def test_the_list_shows_them(sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SINKD_ZOO")
    rows = {row["name"]: row for row in json.loads(sinkd("list", "--json").stdout)}
    for student in STUDENTS:
        assert rows[student.name]["source"] == "bundled"
        assert rows[student.name]["metrics"] == student.metrics
        assert Path(FOLDER, student.folder).is_dir()
