"""A student built from a recipe, twice: really distilled, made smaller, scored, timed and published."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sinkd_plugin.errors import ConfigError, UnknownNameError
from sinkd_plugin.storage import sha256
from sinkd_zoo.recipe import read_recipe, recipe_file, recipe_folder

Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def recipe(tmp_path: Path, run_settings: dict[str, Any]) -> Path:
    """A recipe of seconds: a tiny BERT whose vocabulary has words that no text uses."""
    path = tmp_path / "tiny-3k-words.yaml"
    settings = {
        "name": path.stem,
        "summary": "A tiny student.",
        "license": "MIT",
        "teacher_license": "MIT",
        "threads": 1,
        "run": run_settings,
        "shrink": {"minimum_count": 2, "positions": 32},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def test_a_build_that_is_told_to_end_takes_its_command_along() -> None:
    """The command asks a server that never answers; its connection closes when it ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        words = ("zoo", "list", "--source", f"http://127.0.0.1:{server.getsockname()[1]}")
        code = f"from sinkd_zoo.own_commands import run_command; run_command(*{words}, threads=1)"
        build = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            build.terminate()
            assert "`sinkd zoo` must end well" in build.communicate(timeout=20)[1]
            while connection.recv(4096):
                pass
    assert build.returncode == 1


@pytest.mark.slow
def test_a_second_build_gives_the_same_student_and_its_card_tells_what_it_cost(
    recipe: Path, tmp_path: Path, sinkd: Sinkd
) -> None:
    cards = [
        json.loads(
            sinkd("build", recipe, "--to", tmp_path / each, "--work", tmp_path / f"work-{each}", "--json").stdout
        )
        for each in ("once", "again")
    ]
    first, second = cards
    assert first["files"]["model.safetensors"] == second["files"]["model.safetensors"]
    assert first["metrics"] == second["metrics"]
    details = first["details"]
    assert details["recipe_sha256"] == sha256(recipe)
    assert details["latency"]["median_ms"] > 0
    assert details["baselines"]["kl"]["n"] == first["n"]
    as_trained, pruned, half = details["costs"]
    assert as_trained["bytes"] > pruned["bytes"] > 1.5 * half["bytes"]
    assert half["score"] == first["metrics"]["accuracy"]
    folder = tmp_path / "once" / first["name"] / "1"
    loads_as_it_is(folder)
    assert (folder / "README.md").read_text().count("| float16 |") == 1


def loads_as_it_is(folder: Path) -> None:
    """With nothing but transformers: float16 on the disk, words that the training texts do not have in pieces."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    weights = load_file(folder / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.model_max_length == 32
    assert model(**tokenizer("a bright film", return_tensors="pt")).logits.shape == (1, 2)


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"No recipe is called 'minilm'.*Known: .*minilm-l3-reviews"):
        recipe_file("minilm")


def test_every_recipe_is_named_after_its_file_and_its_run_is_valid() -> None:
    from sinkd_plugin.training.config import checked

    paths = sorted(recipe_folder().glob("*.yaml"))
    assert paths
    for path in paths:
        recipe = read_recipe(path)
        assert recipe.name == path.stem
        training = {**recipe.run["training"], "output_dir": "run"}
        assert "kl" in checked({**recipe.run, "training": training}).baselines


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"nmae": "x"}, "Unknown key '.*nmae'. Did you mean 'name'"),
        ({"shrink": {"positions": 1}}, r"shrink\.positions.*greater than or equal to 8"),
        ({"name": "../x"}, "a student's name is"),
    ],
)
def test_a_recipe_that_breaks_a_rule_is_refused(recipe: Path, changes: dict[str, Any], told: str) -> None:
    recipe.write_text(yaml.safe_dump(yaml.safe_load(recipe.read_text()) | changes))
    with pytest.raises(ConfigError, match=told):
        read_recipe(recipe)


@pytest.mark.slow
def test_a_run_that_fails_fails_the_build(recipe: Path, tmp_path: Path, sinkd: Sinkd) -> None:
    settings = yaml.safe_load(recipe.read_text())
    settings["run"]["teacher"]["model"] = "/no/such/folder"
    recipe.write_text(yaml.safe_dump(settings))
    told = sinkd("build", recipe, "--to", tmp_path / "zoo", "--work", tmp_path / "work", code=1).stderr
    assert "A model must be a folder that exists" in told
    assert "`sinkd distill` must end well. Received: exit code 2; see above" in told
    assert not (tmp_path / "zoo").exists()
