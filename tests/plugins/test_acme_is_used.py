"""What acme adds, used for real by its name: a run from YAML, a family of models, an export, a student of its zoo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.plugins.conftest import Environment

WORDS = ("pale", "crisp", "golden", "black", "roasty", "smoky", "a", "beer", "from", "the", "they", "at", "is", "and")


def run_of_two_steps(acme: Environment, folder: Path, teacher: Path, **changes: Any) -> list[dict[str, Any]]:
    """Distil on acme's task, from a YAML file; returns the journal's entries."""
    settings = {
        "task": "acme/beers",
        "data": {"max_length": 24, "max_train_samples": 32, "max_test_samples": 8},
        "teacher": {"model": str(teacher), "finetune": {"epochs": 1, "batch_size": 32}},
        "student": {"from_teacher_layers": [0, 2]},
        "training": {"output_dir": str(folder / "run"), "device": "cpu", "precision": "fp32"},
        "optimizer": {"epochs": 1, "batch_size": 16, "learning_rate": 1e-2},
        **changes,
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    done = acme.sinkd("distill", folder / "run.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["task"] == "acme/beers"
    lines = (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry.get("student") == "student"]


@pytest.fixture(scope="module")
def bert(make_model: Callable[..., Path]) -> Path:
    return make_model(words=WORDS)


@pytest.fixture(scope="module")
def gpt2(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of random weights, with the tokenizer of a BERT, which has a padding token."""
    import torch
    from transformers import AutoTokenizer, GPT2Config, GPT2Model

    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = AutoTokenizer.from_pretrained(str(make_model(words=WORDS)))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=32, n_embd=16, n_layer=3, n_head=2)
    GPT2Model(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_its_losses_train_by_name_from_yaml(acme: Environment, bert: Path, tmp_path: Path) -> None:
    match = {"layer_T": 3, "layer_S": 2, "feature": "hidden", "loss": "acme_cosine", "weight": 1.0}
    huber = {"hard_label_weight": 1.0, "kd_loss_type": ["acme_huber", {"delta": 0.5}], "kd_loss_weight": 1.0}
    entries = run_of_two_steps(acme, tmp_path, bert, distillation={**huber, "intermediate_matches": [match]})
    assert len(entries) == 2
    for entry in entries:
        terms = {name: value for name, value in entry.items() if name.startswith("unweighted")}
        (cosine,) = [value for name, value in terms.items() if "hidden" in name]
        assert 0 < cosine < 2
        assert entry["total_loss"] == pytest.approx(sum(terms.values()), rel=1e-5)
    diary = [json.loads(line) for line in acme.sinkd("acme", tmp_path / "run").stdout.splitlines()]
    assert [(entry["loss"].split()[0], entry["n"]) for entry in diary] == [("acme_huber", 8)]


@pytest.mark.slow
def test_its_options_are_checked_like_ours(acme: Environment, bert: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"Unknown key 'distillation\.kd_loss_type\.dleta'\. Did you mean 'delta'"):
        run_of_two_steps(acme, tmp_path, bert, distillation={"kd_loss_type": ["acme_huber", {"dleta": 1}]})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_its_family_of_models_distils_with_its_own_distiller(acme: Environment, gpt2: Path, tmp_path: Path) -> None:
    """The distiller freezes the positions and nothing else, and the run's journal is kept all the same."""
    from safetensors.torch import load_file

    distillation = {"kd_loss_type": "kl", "sinkd": {"weight": 0.8}}
    entries = run_of_two_steps(acme, tmp_path, gpt2, architecture="acme_gpt2", distillation=distillation)
    assert len(entries) == 2
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["architecture"] == "acme_gpt2"
    teacher, student = (load_file(tmp_path / "run" / name / "model.safetensors") for name in ("teacher", "student"))
    assert teacher["transformer.wpe.weight"].equal(student["transformer.wpe.weight"])
    assert not teacher["transformer.wte.weight"].equal(student["transformer.wte.weight"])
    assert "transformer.h.1.ln_1.weight" in student
    assert "transformer.h.2.ln_1.weight" not in student


@pytest.mark.slow
def test_its_student_scores_what_its_card_says(acme: Environment, tmp_path: Path) -> None:
    home = {"SINKD_HOME": str(tmp_path)}
    (card,) = [card for card in acme.json("zoo", "list", **home) if card["name"] == "acme-beers"]
    scored = acme.json("evaluate", "zoo:acme-beers", "--task", "acme/beers", **home)
    assert scored["n"] == card["n"]
    assert scored["test"]["accuracy"] == card["metrics"]["accuracy"]


@pytest.mark.slow
def test_its_export_target_is_verified_like_ours(acme: Environment, tmp_path: Path) -> None:
    words = ("export", "zoo:acme-beers", "--target", "acme_float16", "--to", tmp_path / "half", "--task", "acme/beers")
    report = acme.json(*words, SINKD_HOME=str(tmp_path / "home"))
    assert report["target"] == "acme_float16"
    assert 0 < report["parity"]["relative_difference"] < report["parity"]["tolerance"] == 1e-2
    weights = Path(__file__).parent / "acme" / "acme_sinkd" / "students" / "acme-beers" / "1" / "model.safetensors"
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 0.7 * weights.stat().st_size


@pytest.mark.slow
def test_without_it_its_names_are_unknown(scratch: Callable[[], Environment], bert: Path, tmp_path: Path) -> None:
    told = r"No loss is called 'acme_huber'\. .*Known: ce, .*sinkhorn"
    with pytest.raises(AssertionError, match=told):
        run_of_two_steps(scratch(), tmp_path, bert, task="reviews", distillation={"kd_loss_type": "acme_huber"})
