"""What a model card says of a student that writes."""

from __future__ import annotations

from typing import Any

from sinkd_plugin.sequence.methods import METHODS
from sinkd_plugin.training.sequence_options import SequenceOptions

_STARTS = {
    "pre_distillation": "this was its warm start; then",
    "mle": "but on the references alone, as a warm start; then",
    "none": "not at all, but",
}
_WRITERS = {
    "teacher": "the teacher's sequences",
    "student": "the student's sequences",
    "both": "both models' sequences",
}


def method_text(options: SequenceOptions | None) -> str:
    """How it was distilled on sequences; nothing for a student that was not."""
    if options is None:
        return ""
    summary = METHODS[options.method].summary.rstrip(".")
    return (
        f"\nThat is, {_STARTS[options.warm_start]} it was distilled on whole sequences with `{options.method}` "
        f"({summary}), on {_WRITERS[options.taken_from]}.\n"
    )


def risks_text(scores: dict[str, Any]) -> str:
    """Both risks and the diversity of the teacher, where they were measured."""
    found = scores.get("sequences")
    if found is None:
        return ""
    return (
        f"\nLikelihood risk {found['likelihood_risk']:.3f}, coverage risk {found['coverage_risk']:.3f} nats a token, "
        f"on one sampled sequence of each of n = {found['n']} test examples; {found['teacher_distinct_bigrams']:.1%} "
        "of the bigrams in the teacher's samples of an example are different.\n"
    )
