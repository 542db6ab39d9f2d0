"""Every architecture of the catalog, for every export target, form and precision: exported, verified, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sinkd_export.asking import asked_source
from sinkd_export.convert.recipe import Recipe
from sinkd_export.export import export_model
from sinkd_export.families import Form
from sinkd_export.sentences import choose_sentences
from sinkd_export.source import find_source
from sinkd_export.targets import export_targets
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import UserError

LABELS = ("negative", "positive")
FORMS: tuple[Form, ...] = ("classification", "generation")
PRECISIONS: Mapping[str, Mapping[str, Any]] = {
    "fp32": {},
    "int8": {"quantize": "int8"},
    "static int8": {"quantize": "int8", "static": True},
    "fp16": {"quantize": "fp16"},
}
QUICK = ("encoder", "onnx", "classification", "int8")
Case = tuple[str, str, Form, str]


def exclusion(case: Case) -> str | None:
    """Why a combination does not exist, as its refusal says it; ``None`` for those that are exported."""
    architecture, target, form, precision = case
    if architecture == "encoder" and form == "generation":
        return "Only generative models can generate"
    if form not in export_targets().get(target).forms:
        return f"The export target '{target}' holds models for classification"
    if form == "generation" and precision == "static int8":
        return "Static ranges are for classifiers"
    return None


def cases() -> list[Case]:
    return [
        (entry.spec.name, target, form, precision)
        for entry in catalog().architectures
        for target in export_targets().names()
        for form in FORMS
        for precision in PRECISIONS
    ]


def named(chosen: Sequence[Case]) -> list[Any]:
    """The long ones are slow: a few seconds each; a refusal takes no time."""
    slow = [case != QUICK and exclusion(case) is None for case in chosen]
    return [
        pytest.param(case, id=", ".join(case), marks=pytest.mark.slow if late else ())
        for case, late in zip(chosen, slow, strict=True)
    ]


@pytest.fixture
def model(teachers: Callable[[str, Sequence[str]], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A model of an architecture, with the trainer's record of what a generative one is asked."""

    def make(architecture: str) -> Path:
        folder = Path(shutil.copytree(teachers(architecture, LABELS), tmp_path / "model"))
        prompt = {"template": "{text} Was it good?", "verbalisers": ["no", "yes"]}
        record = {"task": "reviews", "data_dir": "nowhere", "prompt": prompt, "readout": {"rows": "answer"}}
        (folder / "sinkd.json").write_text(json.dumps(record), encoding="utf-8")
        return folder

    return make


def export(folder: Path, into: Path, case: Case) -> Any:
    _, target, form, precision = case
    spec = export_targets().get(target)
    source, sentences = asked_source(find_source(str(folder), spec, form), choose_sentences(folder))
    recipe = Recipe.model_validate({**PRECISIONS[precision], "tolerance": 1.0})
    return export_model(source, into, target=spec, sentences=sentences, recipe=recipe)


@pytest.mark.parametrize("case", named([case for case in cases() if exclusion(case) is None]))
def test_it_is_exported_and_verified(case: Case, model: Callable[[str], Path], tmp_path: Path) -> None:
    report = export(model(case[0]), tmp_path / "out", case)
    assert (report.target, report.form) == case[1:3]
    assert report.precision == case[3].removeprefix("static ")
    float32 = next(record for record in report.variants if record.name == "fp32")
    assert float32.refused is None
    assert float32.parity.relative_difference <= float32.parity.tolerance
    assert report.price is None or report.price.kept
    assert (tmp_path / "out" / "export.json").is_file()


@pytest.mark.parametrize("case", named([case for case in cases() if exclusion(case) is not None]))
def test_what_does_not_exist_is_refused(case: Case, model: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(exclusion(case))):
        export(model(case[0]), tmp_path / "out", case)
    assert not (tmp_path / "out").exists()


def test_every_architecture_and_target_is_here() -> None:
    exported = [case for case in cases() if exclusion(case) is None]
    assert {case[0] for case in exported} == {entry.spec.name for entry in catalog().architectures}
    assert {case[1] for case in exported} == set(export_targets().names())
