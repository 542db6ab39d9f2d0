"""Whether a model's classification head fits a task."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from transformers import PretrainedConfig

from sinkd_plugin.errors import ModelReferenceError

logger = logging.getLogger(__name__)


def check_head(folder: str, config: PretrainedConfig, labels: Sequence[str], *, needs_head: bool) -> None:
    """Check the head of a model against the labels of a task.

    Other names of the same number are taken for the task's in their order, with a warning: nothing tells whether a
    model that says ``LABEL_0`` or ``toxic`` means what the task's first label means.

    Args:
        folder: The model, for messages.
        config: Its configuration.
        labels: Label names of the task in the order of their numbers.
        needs_head: Whether a model without a head is an error.

    Raises:
        ModelReferenceError: If a head is missing where one is needed, has another number of labels, or has the task's
            labels in another order.
    """
    has_head = any("SequenceClassification" in name for name in config.architectures or ())
    if has_head:
        _check_labels(folder, config, labels)
    elif needs_head:
        raise ModelReferenceError(
            "A model that is used as it is needs a trained classification head.",
            received=f"'{folder}' of architecture {', '.join(config.architectures or ['unknown'])}",
            cure="Fine-tune it first (teacher.finetune in the configuration of `sinkd distill`).",
        )


def _check_labels(folder: str, config: PretrainedConfig, labels: Sequence[str]) -> None:
    own = [str(config.id2label[number]) for number in sorted(config.id2label)]
    if len(own) != len(labels):
        raise ModelReferenceError(
            f"A model for this task needs a head for {len(labels)} labels ({', '.join(labels)}).",
            received=f"'{folder}' with {len(own)} labels ({', '.join(own)})",
            cure="Choose a model that was fine-tuned on this task, or an encoder without a head.",
        )
    own_names, names = [_bare(name) for name in own], [_bare(name) for name in labels]
    if own_names == names:
        return
    if sorted(own_names) == sorted(names):
        raise ModelReferenceError(
            f"A model's labels must be in the order of the task's: {', '.join(labels)}.",
            received=f"'{folder}' with {', '.join(own)}",
            cure="Name the labels of your files in the model's order under task.labels.",
        )
    if len(labels) == 1:
        return  # one number, whatever it is called
    pairs = ", ".join(f"'{one}' as '{other}'" for one, other in zip(own, labels, strict=True))
    logger.warning("'%s' names its labels otherwise than the task; taken in their order: %s.", folder, pairs)


def _bare(name: str) -> str:
    """A name without what spellings differ in: case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", name.casefold())
