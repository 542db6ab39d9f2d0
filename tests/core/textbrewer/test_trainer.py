"""``BasicTrainer``: TextBrewer's where that works, and ours where it does not."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from sinkd_plugin.errors import ConfigError, LossInputError, NonFiniteLossError
from sinkd_plugin.textbrewer import BasicTrainer
from sinkd_plugin.textbrewer.host import textbrewer

Batches = list[dict[str, Any]]


def train(side: Any, config: Any, model: Any, adapt: Any, batches: Any, **arguments: Any) -> dict[str, Any]:
    own = copy.deepcopy(model)
    trainer = side.BasicTrainer(config, own, adapt)
    with trainer:
        trainer.train(torch.optim.SGD(own.parameters(), lr=0.1), batches, **{"num_epochs": 2, **arguments})
    state: dict[str, Any] = own.state_dict()
    return state


class Ours:
    BasicTrainer = BasicTrainer


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.allclose(one[name], other[name], atol=1e-7) for name in one)


@pytest.mark.parametrize("length", [{}, {"num_steps": 4}, {"max_grad_norm": 0.1}])
def test_it_trains_as_textbrewers_does(
    length: dict[str, Any], models: tuple[Any, Any], batches: Batches, train_config: Any, adapt: Any
) -> None:
    results = []
    for side in (textbrewer(), Ours):
        heard: list[int] = []
        length["callback"] = lambda model, step, heard=heard: heard.append(step)
        results.append((train(side, train_config, models[0], adapt, batches, **length), heard))
    assert same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert not same(results[0][0], models[0].state_dict())
    assert sorted(path.name for path in Path(train_config.output_dir).glob("*")) == sorted(
        f"gs{step}.pkl" for step in results[0][1]
    )


def test_what_it_says_of_a_missing_loss(
    models: tuple[Any, Any], batches: Batches, train_config: Any, adapt: Any
) -> None:
    def none(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"losses": None}

    with pytest.raises(AttributeError):
        train(textbrewer(), train_config, models[0], none, batches)
    with pytest.raises(LossInputError, match="must return 'losses'"):
        train(Ours, train_config, models[0], none, batches)


def test_it_stops_at_nan_before_the_weights_change(
    models: tuple[Any, Any], batches: Batches, train_config: Any, adapt: Any
) -> None:
    def broken(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {"losses": outputs.loss * float("nan")}

    ruined = train(textbrewer(), train_config, models[0], broken, batches)
    assert ruined["classifier.weight"].isnan().any()
    model = copy.deepcopy(models[0])
    trainer = BasicTrainer(train_config, model, broken)
    with pytest.raises(NonFiniteLossError, match="step 0: total_loss nan"):
        trainer.train(torch.optim.SGD(model.parameters(), lr=0.1), batches, num_epochs=1)
    assert same(model.state_dict(), models[0].state_dict())
    assert (Path(train_config.output_dir) / "non_finite_step0" / "student.safetensors").is_file()


def test_it_wants_to_know_how_long(models: tuple[Any, Any], batches: Batches, train_config: Any, adapt: Any) -> None:
    with pytest.raises(ConfigError, match="needs 'num_epochs' or 'num_steps'"):
        train(Ours, train_config, models[0], adapt, batches, num_epochs=None)


def test_accumulation(models: tuple[Any, Any], batches: Batches, train_config: Any, adapt: Any) -> None:
    train_config.gradient_accumulation_steps = 4
    unchanged = train(textbrewer(), train_config, models[0], adapt, batches)
    assert same(unchanged, models[0].state_dict())
    with pytest.raises(ConfigError, match="must not exceed"):
        train(Ours, train_config, models[0], adapt, batches)
    train_config.gradient_accumulation_steps = 3
    encoded = [transformers.BatchEncoding(batch) for batch in batches]
    one = train(Ours, train_config, models[0], adapt, encoded, num_epochs=1)
    assert same(one, train(textbrewer(), train_config, models[0], adapt, batches, num_epochs=1))
