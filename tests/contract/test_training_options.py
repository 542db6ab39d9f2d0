"""What the ``training`` block offers holds for every family."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from sinkd_plugin.catalog import catalog
from sinkd_plugin.training.distill import distill
from sinkd_plugin.training.journal import Journal

if TYPE_CHECKING:
    from tests.contract.conftest import Setting

FAMILIES = tuple(catalog().architectures.names())
GENERATIVE = tuple(name for name in FAMILIES if catalog().architectures.get(name).prompted)
SINKD = {"temperature": 2, "hard_label_weight": 0.5, "kd_loss_type": "sinkd", "kd_loss_weight": 1.0}
Make = Callable[..., "Setting"]


def losses(setting: Setting, name: str) -> list[float]:
    """Of the two steps of a training."""
    folder = setting.config.training.output_dir
    journal = Journal(folder, [name])
    journal.cut(name, 0)
    distill(setting.config, setting.material(), journal, name, name)
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [step["total_loss"] for step in steps if step["student"] == name]


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The .grad attribute:UserWarning"
)
@pytest.mark.parametrize("cache", ["auto", "off"])
@pytest.mark.parametrize("family", FAMILIES)
def test_compiled_models_train_the_same(
    setting: Make, family: str, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In groups of two micro-batches; with ``off`` the teacher is compiled as well."""
    task = catalog().tasks.get("superglue/cb")
    found = [
        losses(
            setting(family, task, SINKD, {"micro_batch_size": 2, "teacher_cache": cache, "torch_compile": wanted}),
            f"compiled_{wanted}",
        )
        for wanted in (False, True)
    ]
    assert "torch.compile does not work" not in capsys.readouterr().err
    assert len(found[0]) == 2
    assert found[1] == pytest.approx(found[0], rel=1e-4)


@pytest.mark.parametrize("family", GENERATIVE)
def test_all_but_one_of_a_vocabulary_and_the_rest_are_all_there_is(setting: Make, family: str) -> None:
    task = catalog().tasks.get("superglue/cb")
    whole = setting(family, task, SINKD).material()
    columns = len(whole.reader.columns)
    largest = setting(family, task, SINKD, {"teacher_top_k": columns - 1}).material()
    wanted: Any = whole.teacher_rows
    found: Any = largest.teacher_rows
    assert set(found.kept) == {"values", "places", "rest"}
    index = torch.tensor([5, 0, 2])
    torch.testing.assert_close(found.of(index), wanted.of(index), rtol=1e-4, atol=1e-4)
