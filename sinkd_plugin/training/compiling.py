"""Models compiled by ``torch.compile`` while they train, where that can be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.console import note
from sinkd_plugin.specs import Reader
from sinkd_plugin.textbrewer.modes import training_modes
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.textbrewer.randomness import RandomState

_REHEARSED = 4
"""Examples of the rehearsal: neither none nor one, which compilers treat apart."""


@contextmanager
def compiled(
    wanted: bool,
    models: Sequence[PreTrainedModel],
    reader: Reader,
    examples: Dataset,
    precision: Precision,
    arguments: Mapping[str, Any],
) -> Iterator[None]:
    """Let models run compiled meanwhile, if that is ``wanted``; where one cannot, a line says why and it runs as it is.

    Whether it can be is found out before the first step, forwards and backwards, on the first examples. These are the
    same in a run that goes on where it was stopped, so that both compile the same code. Dropout is drawn by torch's own
    generator, as without compilation: its state is what checkpoints keep, and what a second forward pass starts from.

    Args:
        wanted: ``training.torch_compile``.
        models: On their device, attached to their reader.
        reader: The models'.
        examples: The encoded training split.
        precision: Of the forward pass.
        arguments: What the models get beside the batch.
    """
    if not wanted:
        yield
        return
    # code of models that came before counts against the limit after which nothing is compiled any more
    torch.compiler.reset()
    with ExitStack() as held:
        held.enter_context(torch._inductor.config.patch(fallback_random=True))  # noqa: SLF001 - it has no other name
        # DistributedDataParallel would have the graph cut into its buckets, which then differ from those rehearsed
        held.enter_context(torch._dynamo.config.patch(optimize_ddp=False))  # noqa: SLF001
        for model in models:
            model.compile(dynamic=True)
            held.callback(_plain, model)
            failure = _rehearse(model, reader, examples, precision, arguments)
            if failure is not None:
                _plain(model)
                note(f"torch.compile does not work here, so the model runs without it: {_first_line(failure)}")
        yield


def _plain(model: PreTrainedModel) -> None:
    model._compiled_call_impl = None  # noqa: SLF001 - ``compile`` has no way back


def _rehearse(
    model: PreTrainedModel, reader: Reader, examples: Dataset, precision: Precision, arguments: Mapping[str, Any]
) -> Exception | None:
    """Compile by use; what stands in the way, if anything does. Weights and generators stay as they were."""
    before = RandomState.now()
    trains = any(weight.requires_grad for weight in model.parameters())
    try:
        with training_modes(model) if trains else training_modes(torch.nn.Identity(), model):
            collated = reader.collate(list(examples.select(range(min(_REHEARSED, len(examples))))))
            batch = {name: value.to(model.device) for name, value in collated.items()}
            for graph in (False, True) if trains else (False,):
                with torch.set_grad_enabled(graph), autocast(precision, model.device):
                    outputs = model(**batch, **arguments)
            if trains:
                reader.adaptor(batch, outputs)["logits"].float().square().mean().backward()
    except Exception as error:  # compilers fail in types of their own, of which there are many
        return error
    finally:
        model.zero_grad(set_to_none=True)
        before.restore()
    return None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
