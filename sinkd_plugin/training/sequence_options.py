"""What a configuration says of generation: how texts are written, and how whole sequences are distilled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sinkd_plugin.options import Options
from sinkd_plugin.sequence.methods import METHODS, MethodName, Samples
from sinkd_plugin.training.model_options import OptimizerOptions


class DecodingOptions(Options):
    """How the texts are written that models are scored and compared by.

    Args:
        beams: Beams of the texts that are scored; 1 takes the likeliest token each time.
        samples: Sequences that the teacher samples for each test example, to tell how much they vary; with them go the
            risks, which need one of each model. 0 spares all of it.
    """

    beams: int = Field(1, ge=1)
    samples: int = Field(5, ge=0)


class SamplingOptions(Options):
    """How the sequences come about that a student learns from.

    Only plain sampling (``temperature`` 1, all of the vocabulary) makes a method's expectation the divergence that it
    is named after.

    Args:
        strategy: ``sample``, ``greedy`` or ``beam``; absent, ``sample``, and for ``seqkd``, which wants the likeliest
            sequence, ``beam``. A student's own sequences are sampled in any case.
        temperature: What logits are divided by.
        top_k: Sample out of this many of the likeliest tokens; 0: of all.
        top_p: Sample out of the fewest tokens that have this much probability together.
        beams: Of the strategy ``beam``.
        per_example: Sequences an example that the teacher writes, of which each step takes one.
    """

    strategy: Literal["sample", "greedy", "beam"] | None = None
    temperature: float = Field(1.0, gt=0)
    top_k: int = Field(0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    beams: int = Field(5, ge=2)
    per_example: int = Field(1, ge=1)


class SequenceOptions(Options):
    """Distillation of whole sequences, after a warm start by the ``distillation`` block.

    Args:
        method: ``seqkd``, ``engine``, ``kl``, ``reverse_kl``, ``js`` or ``tvd``.
        samples: Whose sequences: of the ``teacher``, of the ``student``, or half of the loss on each of ``both``;
            absent, as in the paper.
        warm_start: ``pre_distillation`` trains with the ``distillation`` block first (word-level KD on the references,
            hidden layers if it matches any), ``mle`` on the references alone, ``none`` not at all.
        optimizer: Of the sequence-level part; absent, as the run's ``optimizer``, which is then the warm start's too.
        sampling: How sequences come about.
        per: ``token`` averages the loss over the steps of all sequences; ``sequence`` over the sequences, so that it
            estimates the divergence itself.
        exact_gradient: On the student's sequences, add the part of the gradient that comes from what it writes; the
            paper takes them as given.
    """

    method: MethodName
    samples: Samples | None = None
    warm_start: Literal["pre_distillation", "mle", "none"] = "pre_distillation"
    optimizer: OptimizerOptions | None = None
    sampling: SamplingOptions = SamplingOptions()
    per: Literal["token", "sequence"] = "token"
    exact_gradient: bool = False

    @property
    def taken_from(self) -> Samples:
        """Whose sequences, resolved."""
        return self.samples or METHODS[self.method].samples[0]

    @property
    def strategy(self) -> Literal["sample", "greedy", "beam"]:
        """How the teacher writes, resolved."""
        return self.sampling.strategy or ("beam" if self.method == "seqkd" else "sample")

    @model_validator(mode="after")
    def _possible(self) -> SequenceOptions:
        method = METHODS[self.method]
        if self.taken_from not in method.samples:
            raise ValueError(f"'samples' must be {' or '.join(method.samples)} for the method {self.method}")
        if self.exact_gradient and "student" not in method.steps:
            raise ValueError(f"'exact_gradient' is for sequences of the student, which {self.method} has none of")
        return self
