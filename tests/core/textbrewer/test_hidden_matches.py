"""``hidden_sinkhorn`` as the loss of an intermediate match, by name and with options, in stock and in ours."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from sinkd_plugin import DistillationConfig
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses.hidden_states import hidden_sinkhorn
from sinkd_plugin.textbrewer import GeneralDistiller
from sinkd_plugin.textbrewer.host import textbrewer

MATCH = {"layer_T": 2, "layer_S": 1, "feature": "hidden", "weight": 0.5}


@pytest.mark.parametrize(
    ("loss", "options"),
    [("hidden_sinkhorn", {}), (["hidden_sinkhorn", {"pooling": "first"}], {"pooling": "first"})],
    ids=["by name", "with options"],
)
def test_it_is_the_loss_between_the_layers(
    loss: Any, options: dict[str, Any], models: tuple[Any, Any], batches: list[Any], train_config: Any, adapt: Any
) -> None:
    teacher, student = models
    config = DistillationConfig(intermediate_matches=[{**MATCH, "loss": loss}])
    states = []
    for kind in (textbrewer().GeneralDistiller, GeneralDistiller):
        own = copy.deepcopy(student)
        distiller = kind(train_config, config, teacher, own, adapt, adapt)
        _, terms = distiller.train_on_batch(batches[0], {})
        with torch.no_grad():
            hidden = own(**batches[0]).hidden_states[1], teacher(**batches[0]).hidden_states[2]
            wanted = hidden_sinkhorn(*hidden, batches[0]["attention_mask"], **options)
        (found,) = (term for name, term in terms.items() if "hidden_sinkhorn" in name)
        assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
        with distiller:
            distiller.train(torch.optim.SGD(own.parameters(), lr=0.1), batches, num_epochs=2)
        states.append(own.state_dict())
    assert all(torch.allclose(states[0][name], states[1][name], atol=1e-6) for name in states[0])
    assert "unweighted_hidden_hidden_sinkhorn_1_2" in terms


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (["hidden_sinkhorn", {"poling": "first"}], "poling.*'pooling'"),
        (["hidden_mse", {"a": 1}], "'hidden_mse' has no options"),
    ],
)
def test_wrong_options_are_named(loss: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DistillationConfig(intermediate_matches=[{**MATCH, "loss": loss}])
