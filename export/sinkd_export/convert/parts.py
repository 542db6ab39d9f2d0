"""The graphs an export is made of, by the names that optimum and transformers.js know them under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sinkd_export.families import Family, Form

MODEL, ENCODER, MERGED_DECODER = "model", "encoder_model", "decoder_model_merged"
FIRST_STEP, LATER_STEPS = "decoder_model", "decoder_with_past_model"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """File names without their suffix.

    Args:
        task: What optimum's exporter calls it; stated, because it cannot infer the task of a local folder.
        converted: What comes out of the exporter.
        shipped: What an export holds: the decoder's first and later steps merged, so that its weights exist once.
    """

    task: str
    converted: tuple[str, ...]
    shipped: tuple[str, ...]


CLASSIFIER = Parts(task="text-classification", converted=(MODEL,), shipped=(MODEL,))

GENERATORS: Mapping[Family, Parts] = {
    "encoder_decoder": Parts(
        task="text2text-generation-with-past",
        converted=(ENCODER, FIRST_STEP, LATER_STEPS),
        shipped=(ENCODER, MERGED_DECODER),
    ),
    "decoder": Parts(task="text-generation-with-past", converted=(MODEL,), shipped=(MODEL,)),
}


def parts_of(family: Family, form: Form) -> Parts:
    """The graphs of a family's export."""
    return CLASSIFIER if form == "classification" else GENERATORS[family]
