"""Which layers of a teacher a student keeps, and the student that keeps them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from sinkd_plugin.errors import ConfigError, ModelReferenceError
from sinkd_plugin.specs import LayerChoice

ENCODER, DECODER = "encoder", "decoder"

_DEPTHS = {
    ENCODER: ("encoder_layers", "num_encoder_layers", "num_layers"),
    DECODER: ("decoder_layers", "num_decoder_layers"),
}
"""What configurations of two stacks call the number of each one's layers: BART, ProphetNet, T5."""

_PER_LAYER = ("attention_layers", "layer_types", "no_rope_layers")
"""Entries of configurations with one item a layer."""


def kept_layers(config: PretrainedConfig, choice: LayerChoice, where: str) -> dict[str, list[int]]:
    """The layers that a student keeps of each stack of its teacher; ``""`` is the one stack of most families.

    Args:
        config: The teacher's.
        choice: A number of layers, which are spaced evenly from the first to the last; or their numbers from 0; for
            two stacks the same for both, or a mapping from ``encoder`` and ``decoder``.
        where: Path of the choice in the configuration, for messages.

    Raises:
        ConfigError: If a layer does not exist or is named twice, or a stack is not the model's.
        ModelReferenceError: If the configuration does not tell how many layers there are.
    """
    depths = _depths(config)
    choices: Mapping[Any, Any] = choice if isinstance(choice, Mapping) else dict.fromkeys(depths, choice)
    if set(choices) != set(depths):
        stacks = "have the keys encoder and decoder" if len(depths) > 1 else "be a number of layers or their numbers"
        raise ConfigError(f"'{where}' must {stacks} for a model of this type.", received=f"{choice!r}")
    return {
        stack: _kept(choices[stack], depth, f"{where}.{stack}" if isinstance(choice, Mapping) else where)
        for stack, depth in depths.items()
    }


def evenly_spaced(count: int, depth: int) -> list[int]:
    """``count`` of ``depth`` layers, the first and the last among them; the first alone for one.

    Example:
        >>> evenly_spaced(3, 12)
        [0, 6, 11]
    """
    if count == 1:
        return [0]
    return [(2 * number * (depth - 1) + count - 1) // (2 * (count - 1)) for number in range(count)]


def matched_layers(config: PretrainedConfig) -> dict[str, int]:
    """How many layers each stack has that ``intermediate_matches`` can name; none where that cannot be told.

    Stacks are called as in ``kept_layers``.
    """
    try:
        return _depths(config)
    except (ModelReferenceError, AttributeError):
        return {}


def cut(teacher: PreTrainedModel, choice: LayerChoice) -> PreTrainedModel:
    """A copy of the teacher, in float32, with the chosen layers only; embeddings, heads and ties are kept.

    What only the first layer of a stack has, as T5's table of relative positions, serves the whole stack, and moves to
    the new first layer.

    Raises:
        ConfigError: If the choice does not fit the teacher.
        ModelReferenceError: If the teacher has no list of layers of its own (ALBERT shares one among all), or its
            weights lie on the disk.
    """
    kept = kept_layers(teacher.config, choice, "student.from_teacher_layers")
    config = copy.deepcopy(teacher.config)
    state = dict(teacher.state_dict())
    for stack, layers in kept.items():
        prefix = _prefix(teacher, stack, _depths(teacher.config)[stack])
        state = _renumbered(state, prefix, layers)
        _set_depth(config, stack, layers)
    if any(tensor.is_meta for tensor in state.values()):
        raise ModelReferenceError(
            "The weights of a teacher must be in memory for a student to be cut out of it.",
            received="weights that device_map has put on the disk",
            cure="Leave teacher.device_map out, or give the student as a model of its own: `student: {model: …}`.",
        )
    student = type(teacher)(config)
    student.load_state_dict(state)
    return student


def _depths(config: PretrainedConfig) -> dict[str, int]:
    if not config.is_encoder_decoder:
        return {"": config.num_hidden_layers}
    names = {stack: _depth_name(config, stack) for stack in _DEPTHS}
    return {stack: getattr(config, name) for stack, name in names.items()}


def _depth_name(config: PretrainedConfig, stack: str) -> str:
    for name in _DEPTHS[stack]:
        if isinstance(getattr(config, name, None), int):
            return name
    raise _no_layers(config)


def _no_layers(config: PretrainedConfig) -> ModelReferenceError:
    return ModelReferenceError(
        "Layers can be taken only from a model that has a list of them.",
        received=f"model type '{config.model_type}'",
        cure="Give the student as a model of its own: `student: {model: …}`.",
    )


def _kept(choice: int | Sequence[int], depth: int, where: str) -> list[int]:
    if isinstance(choice, int):
        if not 1 <= choice <= depth:
            raise ConfigError(f"'{where}' must be a number of layers from 1 to {depth}.", received=choice)
        return evenly_spaced(choice, depth)
    layers = list(choice)
    if not layers or len(set(layers)) != len(layers) or not all(0 <= layer < depth for layer in layers):
        raise ConfigError(f"'{where}' must name different layers from 0 to {depth - 1}.", received=layers)
    return layers


def _prefix(model: PreTrainedModel, stack: str, depth: int) -> str:
    """The name of a stack's list of layers, with a dot."""
    found = next(_lists(_inside(model, stack), depth), None)
    names = [name for name, module in model.named_modules() if module is found]
    if found is None or not names:
        raise _no_layers(model.config)
    return f"{names[0]}."


def _inside(model: PreTrainedModel, stack: str) -> Any:
    if not stack:
        return model
    return model.get_encoder() if stack == ENCODER else model.get_decoder()


def _lists(module: nn.Module, depth: int) -> Iterator[nn.ModuleList]:
    return (each for each in module.modules() if isinstance(each, nn.ModuleList) and len(each) == depth)


def _renumbered(state: Mapping[str, Any], prefix: str, layers: Sequence[int]) -> dict[str, Any]:
    """A state with the kept layers of one stack numbered from 0 and the others left out."""
    rest = {name: tensor for name, tensor in state.items() if not name.startswith(prefix)}
    of_layer: dict[int, dict[str, Any]] = {}
    for name, tensor in state.items():
        if name.startswith(prefix):
            number, _, inner = name.removeprefix(prefix).partition(".")
            of_layer.setdefault(int(number), {})[inner] = tensor
    of_stack = _only_in_the_first(of_layer)
    for new, old in enumerate(layers):
        own = {inner: tensor for inner, tensor in of_layer[old].items() if inner not in of_stack}
        own.update(of_stack if new == 0 else {})
        rest.update({f"{prefix}{new}.{inner}": tensor for inner, tensor in own.items()})
    return rest


def _only_in_the_first(of_layer: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    elsewhere = {inner for number, layer in of_layer.items() if number > 0 for inner in layer}
    return {inner: tensor for inner, tensor in of_layer[0].items() if inner not in elsewhere and len(of_layer) > 1}


def _set_depth(config: PretrainedConfig, stack: str, layers: Sequence[int]) -> None:
    if not stack:
        config.num_hidden_layers = len(layers)
        _keep_patterns(config, layers)
        return
    setattr(config, _depth_name(config, stack), len(layers))
    if stack == ENCODER and "num_hidden_layers" in vars(config):  # BART counts its encoder's layers twice
        config.num_hidden_layers = len(layers)


def _keep_patterns(config: PretrainedConfig, layers: Sequence[int]) -> None:
    """Keep what a configuration says of each layer apart, such as GPT-Neo's global and local attention."""
    for name in _PER_LAYER:
        entries = getattr(config, name, None)
        if isinstance(entries, (list, tuple)) and entries:
            setattr(config, name, [entries[layer] for layer in layers])
    if hasattr(config, "attention_types"):  # GPT-Neo's shorthand, which its configuration spells out as the above
        config.attention_types = [[config.attention_layers, 1]]
