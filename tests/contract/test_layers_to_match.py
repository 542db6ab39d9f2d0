"""Layers that a model does not have are told before its teacher is trained, in every family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training.match_layers import check_matches
from tests.contract.conftest import MODELS

if TYPE_CHECKING:
    from tests.contract.conftest import Setting

Make = Callable[..., "Setting"]
DEPTHS = {"encoder": 3, "encoder-decoder": 2, "decoder": 3}
STACKS = {"encoder": "", "encoder-decoder": "'s encoder", "decoder": ""}
SHALLOW = {"encoder": "num_hidden_layers", "encoder-decoder": "num_layers", "decoder": "num_layers"}


def check(setting: Make, family: str, student: Any = None, **match: Any) -> None:
    """Check one match of a teacher and a student that keeps two layers, unless ``student`` says otherwise."""
    task = catalog().tasks.get("superglue/cb")
    entry = {"layer_T": 0, "layer_S": 0, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0, **match}
    changes = {} if student is None else {"student": student}
    ready = setting(family, task, {"kd_loss_type": "kl", "intermediate_matches": [entry]}, **changes)
    check_matches(ready.config, "distillation", ready.prepared.architecture, ready.prepared.teacher, task.labels)


@pytest.mark.parametrize("family", DEPTHS)
def test_the_outermost_layers_can_be_matched(setting: Make, family: str) -> None:
    depth = DEPTHS[family]
    check(setting, family, layer_T=depth, layer_S=2)
    check(setting, family, layer_T=(0, depth), layer_S=(-3, -1))
    check(setting, family, layer_T=depth - 1, layer_S=1, feature="attention", loss="attention_mse")


@pytest.mark.parametrize("family", DEPTHS)
def test_a_layer_behind_the_last_one_is_refused(setting: Make, family: str) -> None:
    depth, stack = DEPTHS[family], STACKS[family]
    with pytest.raises(ConfigError, match=rf"0\.layer_T' must be a layer from 0 to {depth} of the teacher{stack}\."):
        check(setting, family, layer_T=depth + 1)
    with pytest.raises(ConfigError, match=rf"0\.layer_S' must be a layer from 0 to 2 of the student{stack}\."):
        check(setting, family, layer_S=[1, 3], layer_T=[0, 1])
    with pytest.raises(ConfigError, match=rf"from 0 to {depth - 1} of the teacher.*Received: {depth}"):
        check(setting, family, layer_T=depth, feature="attention", loss="attention_mse")
    with pytest.raises(ConfigError, match=r"Received: -4\. Of 'hidden', 0 are the embeddings"):
        check(setting, family, layer_S=-4)


def test_the_decoder_of_two_stacks_has_layers_of_its_own(setting: Make) -> None:
    check(setting, "encoder-decoder", layer_T=3, layer_S=2, feature="decoder_hidden")
    with pytest.raises(ConfigError, match=r"a layer from 0 to 3 of the teacher's decoder\. Received: 4"):
        check(setting, "encoder-decoder", layer_T=4, feature="decoder_hidden")
    with pytest.raises(ConfigError, match=r"a layer from 0 to 1 of the student's decoder\. Received: 2"):
        check(setting, "encoder-decoder", layer_S=2, feature="decoder_attention", loss="attention_mse")
    with pytest.raises(ConfigError, match=r"two stacks of layers, such as T5\. Received: a model with one.*hidden"):
        check(setting, "decoder", feature="decoder_hidden")


@pytest.mark.parametrize("family", DEPTHS)
def test_a_student_of_its_own_has_layers_of_its_own(setting: Make, teachers: Callable[..., Any], family: str) -> None:
    labels = catalog().tasks.get("superglue/cb").labels
    folder = {"model": str(teachers(family, labels))}
    check(setting, family, student=folder, layer_S=DEPTHS[family])
    fresh = {"from_config": {**MODELS[family], SHALLOW[family]: 1}}
    check(setting, family, student=fresh, layer_S=1)
    with pytest.raises(ConfigError, match="from 0 to 1 of the student"):
        check(setting, family, student=fresh, layer_S=2)
