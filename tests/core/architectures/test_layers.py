"""Students that keep some layers of their teacher, in every family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from sinkd_plugin.architectures.layers import cut, evenly_spaced, kept_layers
from sinkd_plugin.errors import ConfigError, ModelReferenceError

if TYPE_CHECKING:
    from tests.core.architectures.conftest import Made

Make = Callable[..., "Made"]


def outputs(made: Made, model: Any) -> torch.Tensor:
    reader = made.reader()
    batch = reader.collate(made.examples())
    with reader.attached(model), torch.no_grad():
        logits: torch.Tensor = model.eval()(**batch, **reader.forward_arguments).logits
    return logits


@pytest.mark.parametrize(
    ("count", "depth", "layers"),
    [
        (1, 6, [0]),
        (2, 6, [0, 5]),
        (3, 6, [0, 3, 5]),
        (3, 12, [0, 6, 11]),
        (6, 6, [0, 1, 2, 3, 4, 5]),
        (4, 4, [0, 1, 2, 3]),
    ],
)
def test_evenly_spaced_layers_run_from_the_first_to_the_last(count: int, depth: int, layers: list[int]) -> None:
    assert evenly_spaced(count, depth) == layers


@pytest.mark.parametrize("depth", [1, 2, 7, 24])
def test_evenly_spaced_layers_are_as_many_as_asked_for(depth: int) -> None:
    for count in range(1, depth + 1):
        assert len(set(evenly_spaced(count, depth))) == count


def test_all_layers_in_their_order_compute_what_the_teacher_does(made: Made) -> None:
    depth: Any = {"encoder": 4, "decoder": 3} if made.model.config.is_encoder_decoder else 4
    student = made.family.student_from_layers(made.model, depth)
    assert torch.equal(outputs(made, student), outputs(made, made.model))


def test_a_student_comes_back_from_its_folder(made: Made, tmp_path: Path) -> None:
    student = made.family.student_from_layers(made.model, 2)
    student.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    loaded, _ = made.family.load(str(tmp_path), ("bad", "good"), needs_head=True)
    assert torch.equal(outputs(made, loaded), outputs(made, student))
    assert sum(weight.numel() for weight in loaded.parameters()) < sum(w.numel() for w in made.model.parameters())


def test_training_a_student_does_not_move_the_teacher(made: Made) -> None:
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    student = made.family.student_from_layers(made.model, 1)
    with torch.no_grad():
        for weight in student.parameters():
            weight.add_(1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.model.state_dict().items())


def test_embeddings_and_head_stay_tied(made: Made) -> None:
    student = made.family.student_from_layers(made.model, 1)
    tied = made.model.get_output_embeddings().weight is made.model.get_input_embeddings().weight
    assert (student.get_output_embeddings().weight is student.get_input_embeddings().weight) is tied
    assert torch.equal(student.get_output_embeddings().weight, made.model.get_output_embeddings().weight)


@pytest.mark.parametrize("tied", [True, False])
def test_heads_are_kept_tied_or_not(make: Make, tied: bool) -> None:
    teacher = make("t5", tie_word_embeddings=tied).model
    student = cut(teacher, 1)
    assert torch.equal(student.lm_head.weight, teacher.lm_head.weight)
    assert (student.lm_head.weight is student.shared.weight) is tied


def test_the_table_of_relative_positions_moves_to_the_new_first_layer(make: Make) -> None:
    teacher = make("t5").model
    student = cut(teacher, {"encoder": [2, 0], "decoder": [1]})
    for stack in ("encoder", "decoder"):
        ours, theirs = getattr(student, stack).block, getattr(teacher, stack).block
        table = theirs[0].layer[0].SelfAttention.relative_attention_bias.weight
        assert torch.equal(ours[0].layer[0].SelfAttention.relative_attention_bias.weight, table)
    assert torch.equal(
        student.encoder.block[0].layer[1].DenseReluDense.wi.weight,
        teacher.encoder.block[2].layer[1].DenseReluDense.wi.weight,
    )
    assert torch.equal(
        student.encoder.block[1].layer[1].DenseReluDense.wi.weight,
        teacher.encoder.block[0].layer[1].DenseReluDense.wi.weight,
    )
    assert torch.equal(
        student.decoder.block[0].layer[2].DenseReluDense.wi.weight,
        teacher.decoder.block[1].layer[2].DenseReluDense.wi.weight,
    )
    assert (student.config.num_layers, student.config.num_decoder_layers) == (2, 1)


@pytest.mark.parametrize(("layers", "pattern"), [([0, 2], ["global", "global"]), ([3, 0], ["local", "global"])])
def test_each_layer_of_gpt_neo_keeps_its_kind_of_attention(make: Make, layers: list[int], pattern: list[str]) -> None:
    teacher = make("gpt_neo").model
    student = cut(teacher, layers)
    assert student.config.attention_layers == pattern
    kinds = [block.attn.attention_type for block in student.transformer.h]
    assert kinds == [teacher.transformer.h[layer].attn.attention_type for layer in layers]
    again = transformers.GPTNeoConfig.from_dict(student.config.to_dict())
    assert again.attention_layers == pattern


def test_layers_of_different_kinds_keep_them() -> None:
    kinds = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 32}
    config = transformers.Qwen2Config(vocab_size=30, num_hidden_layers=4, layer_types=kinds, sliding_window=4, **sizes)
    student = cut(transformers.Qwen2ForCausalLM(config), [1, 2])
    assert student.config.layer_types == ["full_attention", "sliding_attention"]


def test_bart_counts_its_layers_where_its_relatives_look(make: Make) -> None:
    student = cut(make("bart").model, {"encoder": 2, "decoder": 1})
    config = student.config
    assert (config.encoder_layers, config.decoder_layers, config.num_hidden_layers) == (2, 1, 2)


def test_a_bf16_teacher_gives_a_float32_student(make: Make) -> None:
    teacher = make("gpt2", seed=7).model.to(torch.bfloat16)
    assert {weight.dtype for weight in cut(teacher, 2).parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("kind", "choice", "message"),
    [
        (
            "t5",
            {"encoder": 1, "decoder": 4},
            r"'student\.from_teacher_layers\.decoder' must be a number of layers from 1 to 3",
        ),
        ("t5", [0, 3], r"different layers from 0 to 2"),
        ("t5", {"encoder": [0, 4], "decoder": 1}, r"'student\.from_teacher_layers\.encoder' must name .* from 0 to 3"),
        ("t5", {"encoder": 1}, r"must have the keys encoder and decoder.*Received: \{'encoder': 1\}"),
        ("gpt2", {"encoder": 1, "decoder": 1}, "must be a number of layers or their numbers"),
        ("gpt2", 0, "a number of layers from 1 to 4"),
        ("gpt2", [1, 1], "different layers from 0 to 3"),
        ("gpt2", [], "different layers from 0 to 3"),
    ],
)
def test_choices_that_do_not_fit(make: Make, kind: str, choice: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kept_layers(make(kind).model.config, choice, "student.from_teacher_layers")


def test_weights_on_the_disk_are_told(make: Make) -> None:
    with pytest.raises(ModelReferenceError, match=r"must be in memory.*device_map has put on the disk"):
        cut(make("gpt2", seed=8).model.to("meta"), 1)
