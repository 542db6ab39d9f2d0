"""What a configuration says of its models: where they come from, how a teacher is trained first, how they are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, model_validator

from sinkd_plugin.options import Options

Layers = StrictInt | Annotated[tuple[StrictInt, ...], Field(min_length=1)]
Dtype = Literal["fp32", "bf16", "fp16"]


class OptimizerOptions(Options):
    """AdamW with linear warm-up and decay.

    Args:
        learning_rate: Its peak.
        epochs: Passes over the training split.
        batch_size: Examples a step, over all processes, unless ``training`` says otherwise; also the rows of a Sinkhorn
            group.
        warmup: Share of the steps over which the rate rises.
        weight_decay: On all weights but biases and layer norms.
        max_grad_norm: Gradients are scaled down to this norm.
    """

    learning_rate: float = Field(5e-5, gt=0)
    epochs: int = Field(3, ge=1)
    batch_size: int = Field(32, ge=1)
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)


class TokenizerTraining(Options):
    """A new tokenizer of the family's kind, trained on what the models will read in the training split."""

    vocab_size: int = Field(4000, ge=64)


class TokenizerOptions(Options):
    """Where the tokenizer of a model with random weights comes from: a model's reference, or training."""

    model: str | None = None
    train: TokenizerTraining | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> TokenizerOptions:
        if (self.model is None) == (self.train is None):
            raise ValueError("give exactly one of 'model' and 'train'")
        return self


class TeacherOptions(Options):
    """The teacher: a model, or the configuration of one that is trained from nothing.

    Args:
        model: A model reference.
        from_config: Instead, ``model_type`` and any key of that type's configuration in Transformers.
        tokenizer: Of a teacher ``from_config``.
        finetune: How to train it on the task first; absent, it is used as it is.
        seed: Of that training; absent, the run's. Runs of several seeds that give it have one teacher.
        dtype: Of its weights once it is trained; absent, fp32.
        device_map: How accelerate spreads it over devices once it is trained, such as ``auto``.
    """

    model: str | None = None
    from_config: dict[str, Any] | None = None
    tokenizer: TokenizerOptions | None = None
    finetune: OptimizerOptions | None = None
    seed: int | None = Field(None, ge=0, lt=2**32)
    dtype: Dtype | None = None
    device_map: str | None = None

    @property
    def origin(self) -> str:
        """What it starts from, in words."""
        return self.model or f"a {(self.from_config or {}).get('model_type')} with random weights"

    @model_validator(mode="after")
    def _one_origin(self) -> TeacherOptions:
        if (self.model is None) == (self.from_config is None):
            raise ValueError("give exactly one of 'model' and 'from_config'")
        if (self.from_config is None) != (self.tokenizer is None):
            raise ValueError("'from_config' and 'tokenizer' go together; a 'model' has its own tokenizer")
        if self.from_config is not None and self.finetune is None:
            raise ValueError("a teacher 'from_config' knows nothing until it is trained: give 'finetune'")
        if self.seed is not None and self.finetune is None:
            raise ValueError("a teacher that is not trained draws nothing: give 'finetune' or remove 'seed'")
        return self


class StudentOptions(Options):
    """The student: some layers of the teacher, a model of its own, or the configuration of a new one.

    Args:
        from_teacher_layers: How many layers of the teacher, which are then spaced evenly; or which ones, from 0; or
            either for each stack, as in ``{encoder: 3, decoder: [0, 5]}``.
        model: Instead, a model reference.
        from_config: Instead, ``model_type`` and any key of that type's configuration; its tokenizer is the
            teacher's.
    """

    from_teacher_layers: Layers | dict[Literal["encoder", "decoder"], Layers] | None = None
    model: str | None = None
    from_config: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> StudentOptions:
        if sum(origin is not None for origin in (self.from_teacher_layers, self.model, self.from_config)) != 1:
            raise ValueError("give exactly one of 'from_teacher_layers', 'model' and 'from_config'")
        return self


class ReadoutOptions(Options):
    """How generative models are read; models with a classification head have one row an example in any case.

    Args:
        rows: The rows of logits on which teacher and student are compared: all tokens of the ``answer`` and its end;
            its ``last`` token; or the ``verbaliser``, the tokens that tell the answers apart and nothing else of the
            vocabulary.
        length_normalised: Divide an answer's log-probability by its number of tokens before the answers are compared.
    """

    rows: Literal["answer", "last", "verbaliser"] = "answer"
    length_normalised: bool = False


def _rows_alone(value: Any) -> Any:
    return {"rows": value} if isinstance(value, str) else value


Readout = Annotated[ReadoutOptions, BeforeValidator(_rows_alone)]
