"""The records that plugins return: frozen, keyword-only, and light to import.

A record names a thing and says how to build it; building imports torch or transformers, listing does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sinkd_plugin.options import Options

if TYPE_CHECKING:
    import click
    import torch
    from datasets import Dataset, DatasetDict
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


class KdLoss(Protocol):
    """A loss in TextBrewer's ``kd_loss`` slot.

    ``student_logits`` and ``teacher_logits`` are ``(..., classes)``; ``temperature`` is a number or, under a
    temperature scheduler, a tensor of the leading shape. Returns a 0-dim tensor.
    """

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor, /
    ) -> torch.Tensor:
        """Compute the loss."""
        ...


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss that a configuration can name.

    Args:
        name: What ``kd_loss_type`` or an intermediate match's ``loss`` says.
        summary: One line for ``sinkd list losses``.
        slot: TextBrewer's map that the loss goes into.
        options: The record of its options; ``build`` receives an instance.
        build: Returns the callable; may import torch.
        for_numbers: Whether the loss, in the slot ``kd_loss``, compares logits as numbers and not as probabilities of
            classes, so that one logit is enough: what a regression can be distilled with.
    """

    name: str
    summary: str
    slot: Literal["kd_loss", "match_loss"]
    options: type[Options]
    build: Callable[[Any], Callable[..., torch.Tensor]]
    for_numbers: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a model is asked about each example of a task.

    Args:
        text: Names of the text columns.
        labels: Label names in the order of their numbers.
        max_length: Longest input, in tokens; what is longer is cut.
        ask: Writes an example's texts, by column, into a prompt; ``None`` for families that take the texts as they are.
        answers: What a generative model answers for each label; none without ``ask``, and none where a text is to be
            written.
        target: Name of the column with the text to be written; ``None`` for classification.
        max_target_length: Longest text to be written, in tokens.
        rows: Which rows of logits a generative model gives: those of every token of the ``answer``, of its ``last``
            token, or of the ``verbaliser``: one row an example, over the answers' distinguishing tokens alone.
        length_normalised: Whether an answer's log-probability is divided by its number of tokens before answers are
            compared.
    """

    text: tuple[str, ...]
    labels: tuple[str, ...]
    max_length: int
    ask: Callable[[Mapping[str, str]], str] | None = None
    answers: tuple[str, ...] = ()
    target: str | None = None
    max_target_length: int = 64
    rows: Literal["answer", "last", "verbaliser"] = "answer"
    length_normalised: bool = False


class Reader(Protocol):
    """Turns examples into a model's batches, and its outputs into rows of logits and scores of labels.

    Attributes:
        columns: What each column of the rows stands for: a label, or a token of the vocabulary. Two models can be
            compared where these are the same.
        forward_arguments: What the model's forward pass takes beside a batch.
    """

    columns: Sequence[str]
    forward_arguments: Mapping[str, Any]

    def encode(self, split: Dataset) -> Dataset:
        """A split's examples in tokens: what ``collate`` takes, ``index``, ``length``, and any ``label``."""
        ...

    def collate(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """A training batch: what the model takes, ``index``, and perhaps more for the adaptor."""
        ...

    def attached(self, model: PreTrainedModel) -> AbstractContextManager[None]:
        """While it lasts, the model takes the batches of ``collate``, and leaves alone what is not for it."""
        ...

    def adaptor(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        """TextBrewer's adaptor: model outputs to ``logits``, ``losses``, ``hidden``, ``attention``, ``inputs_mask``."""
        ...

    def row_counts(self, examples: Dataset) -> Sequence[int]:
        """How many rows of logits each encoded example gives."""
        ...

    def class_scores(self, model: PreTrainedModel, examples: Sequence[Mapping[str, Any]]) -> torch.Tensor:
        """A score of each label ``(examples, labels)``, the largest for the prediction; for classification only."""
        ...


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a generative model writes.

    Args:
        sample: Draw each token from the model's distribution; else take the likeliest, or the likeliest sequence of
            ``beams``.
        beams: Sequences that are followed at a time where nothing is drawn.
        temperature: What logits are divided by where tokens are drawn.
        top_k: Draw from this many of the likeliest tokens; 0: from all.
        top_p: Draw from the fewest tokens that have this much probability together.
        per_example: Sequences of each example.
    """

    sample: bool = False
    beams: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    per_example: int = 1


class Writer(Reader, Protocol):
    """The reader of a family that writes texts; needed for generation tasks."""

    def write(
        self, model: PreTrainedModel, examples: Sequence[Mapping[str, Any]], decoding: Decoding
    ) -> list[list[int]]:
        """Tokens written for encoded examples, ``decoding.per_example`` sequences each; the end is among them."""
        ...

    def text(self, tokens: Sequence[int]) -> str:
        """Written tokens as a text."""
        ...


LayerChoice = int | Sequence[int] | Mapping[Literal["encoder", "decoder"], int | Sequence[int]]
"""A number of layers; their numbers from 0; or either by stack, ``encoder`` and ``decoder``."""


class Architecture(Protocol):
    """What the trainer needs to know of a model family."""

    def load(
        self,
        folder: str,
        labels: Sequence[str],
        *,
        needs_head: bool = False,
        dtype: torch.dtype | None = None,
        device_map: str | None = None,
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Load a model with a head for ``labels`` and its tokenizer; without a trained head where one may be new."""
        ...

    def fresh(
        self, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
    ) -> PreTrainedModel:
        """A model with random weights of the configuration ``settings``, sized for the tokenizer."""
        ...

    def train_tokenizer(self, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
        """A tokenizer of the family's kind with at most ``vocabulary`` tokens, trained on texts."""
        ...

    def check_layers(self, config: PretrainedConfig, layers: LayerChoice, where: str) -> None:
        """Check that ``layers``, which stand at ``where``, can be taken from a teacher of this configuration."""
        ...

    def student_from_layers(self, teacher: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
        """A copy of ``teacher`` that keeps only the hidden layers ``layers``, and everything else."""
        ...

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        """How a model of this configuration and tokenizer is asked, and read out."""
        ...


@dataclass(frozen=True, kw_only=True)
class ArchitectureSpec:
    """A model family: adaptor, readout and student initialisation.

    Args:
        name: What ``architecture:`` says in a configuration.
        summary: One line for ``sinkd list architectures``.
        supports: Whether a model of this ``PretrainedConfig`` belongs to the family.
        build: Returns the ``Architecture``; may import transformers.
        prompted: Whether examples are put to its models by a prompt, and its answers are words.
        pipeline: What hubs and Transformers call what its models do.
    """

    name: str
    summary: str
    supports: Callable[[PretrainedConfig], bool]
    build: Callable[[], Architecture]
    prompted: bool = False
    pipeline: str = "text-classification"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """How a generative model is asked for a label.

    Args:
        name: What ``prompt:`` says in a configuration.
        template: The question; ``{column}`` stands for the text of one of the task's text columns.
        verbalisers: The answer that stands for each label, in the order of the label numbers.
    """

    name: str
    template: str
    verbalisers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A text task: a label, a number or a text is to be found for each example.

    Args:
        name: What ``task:`` says, such as ``glue/rte``.
        summary: One line for ``sinkd list tasks``.
        text: Columns that hold the text, one or two.
        labels: Label names in the order of their numbers; for ``regression`` the name of the number, for
            ``generation`` none.
        metric: The headline metric; every task is also scored on the others of its kind.
        load: Reads the splits ``train``, ``validation`` and ``test`` from ``data_dir`` (``None``: the task's own
            source). Columns are those of ``text`` and ``label``, an integer for ``classification`` and a number for
            ``regression``, or for ``generation`` the text ``target``.
        kind: What is to be found.
        further_tests: Splits that ``load`` may return besides, each scored on its own like ``test``.
        published: How many examples the published files have, by ``train`` (with what is held out of it for
            validation), ``test`` and further tests; files that have another number are told of.
        language: Language tag for the model card.
        license: Licence of the data, for the model card.
        prompts: How generative models may be asked; the first is the default.
    """

    name: str
    summary: str
    text: tuple[str, ...]
    labels: tuple[str, ...]
    metric: str
    load: Callable[[Path | None], DatasetDict]
    kind: Literal["classification", "regression", "generation"] = "classification"
    further_tests: tuple[str, ...] = ()
    published: Mapping[str, int] = field(default_factory=dict)
    language: str = "en"
    license: str = "unknown"
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ZooCard:
    """One downloadable student, as its source describes it.

    Args:
        name: ``architecture-size-task[-variant]``.
        revision: Which of the students that have had this name; what a revision holds never changes.
        summary: One line for ``sinkd zoo list``.
        task: Name of the task it was trained on.
        architecture: Name of its model family.
        parameters: Number of parameters.
        license: SPDX identifier.
        metrics: Scores on the task's test split.
        n: Number of test examples behind the scores.
        files: sha256 of each file, by its relative path.
        sizes: Bytes of each file, by its relative path, where they are known.
        details: Everything else the card says: teacher, recipe, seed, versions.
    """

    name: str
    summary: str
    task: str
    architecture: str
    parameters: int
    license: str
    metrics: Mapping[str, float]
    n: int
    files: Mapping[str, str]
    revision: str = "1"
    sizes: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ZooSourceSpec:
    """A place that students come from.

    Args:
        name: Name of the source.
        summary: One line for ``sinkd list sources``.
        cards: What it offers; of several revisions of a name the newest last.
        fetch: Puts the verified files of a card into a folder that exists and is empty.
        card_at: The card of a name at a revision that ``cards`` does not list, such as a commit of a hub, or ``None``.
    """

    name: str
    summary: str
    cards: Callable[[], Sequence[ZooCard]]
    fetch: Callable[[ZooCard, Path], None]
    card_at: Callable[[str, str], ZooCard | None] | None = None


@dataclass(frozen=True, kw_only=True)
class CommandSpec:
    """A command of a room or plugin under ``sinkd``.

    Args:
        name: What the user types after ``sinkd``.
        summary: Its line in ``sinkd --help``.
        load: Returns the command; imports what it needs only then.
    """

    name: str
    summary: str
    load: Callable[[], click.Command]


Observer = Callable[[int, Mapping[str, float]], None]
"""Called after each forward pass with its number and its loss terms."""


@dataclass(frozen=True, kw_only=True)
class DistillationPlan:
    """Everything a distiller needs; what ``sinkd_make_distiller`` receives.

    Args:
        train_config: TextBrewer's ``TrainingConfig``.
        distill_config: Our ``DistillationConfig``.
        teacher: The frozen teacher.
        student: The student to train.
        adaptor: Adaptor of both.
        precision: Of the models.
        scope: ``global`` if the loss is to see all rows of an optimiser step, ``local`` for those of one micro-batch.
        keeper: Keeps the states of the training; a distiller without it trains, but starts anew after a stop.
        seed: Of the run.
        observer: To be called after each forward pass with its number and its loss terms, ``total_loss`` among them;
            it writes the run's journal and moves its progress bar.
    """

    train_config: Any
    distill_config: Any
    teacher: torch.nn.Module
    student: torch.nn.Module
    adaptor: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    precision: Literal["fp32", "bf16", "fp16"]
    scope: Literal["global", "local"] = "global"
    keeper: Any = None
    seed: int = 0
    observer: Observer | None = None


class Distiller(Protocol):
    """The part of TextBrewer's distillers that the trainer uses."""

    def __enter__(self) -> Any:
        """Put the teacher into evaluation and the student into training mode."""
        ...

    def __exit__(self, *exception: object) -> Any:
        """Restore both modes."""
        ...

    def train(self, optimizer: Any, dataloader: Any, **arguments: Any) -> None:
        """Run the training loop."""
        ...
