"""The configuration of a run: one YAML or JSON file, checked as a whole before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from sinkd_plugin.documents import parse_json, parse_yaml
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import Options, validate
from sinkd_plugin.tasks.options import DataOptions, FilesTask, PromptOptions
from sinkd_plugin.textbrewer.options import DistillationOptions
from sinkd_plugin.training.checkpoint_options import CheckpointOptions
from sinkd_plugin.training.model_options import (
    OptimizerOptions,
    Readout,
    ReadoutOptions,
    StudentOptions,
    TeacherOptions,
)
from sinkd_plugin.training.sequence_options import DecodingOptions, SequenceOptions

FolderPath = Annotated[Path, AfterValidator(Path.expanduser)]


class TrainingOptions(Options):
    """Where and how to compute; the keys that TextBrewer has too mean the same.

    Args:
        output_dir: The run folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …
        precision: ``auto`` takes bf16 where the device computes it natively.
        seed: Of everything that is drawn.
        gradient_accumulation_steps: Batches of ``optimizer.batch_size`` examples a step.
        group_size: Examples a step, over all processes; with ``scope: global`` the rows of a Sinkhorn group. Absent, it
            is ``optimizer.batch_size`` times ``gradient_accumulation_steps``.
        micro_batch_size: Most examples of one forward pass of one process; absent, ``optimizer.batch_size``.
        scope: ``global`` lets the loss see all rows of a step, whatever number of micro-batches and processes they are
            spread over; ``local`` makes each micro-batch a group of its own.
        bucketing: Whether texts of similar length meet in a step, so that little is padded; else they meet at random.
        workers: Processes that put batches together ahead of their use; the batches are the same for any number.
        checkpoints: See ``CheckpointOptions``.
        teacher_cache: ``auto`` computes the teacher's logits once, unless they would take more than 1 GiB; ``off``
            runs the teacher at every step; a folder keeps them there, by all that they depend on, for other runs too.
        teacher_top_k: For vocabularies: keep so many of the largest logits of each row, and the exact probability of
            all others together at the temperature of the losses, which they then share evenly.
        gradient_checkpointing: Compute activations twice instead of keeping them, in teacher and students.
        torch_compile: Let ``torch.compile`` compile the models that run in a training; where it cannot, a line says
            why, and they run as they are.
    """

    output_dir: FolderPath
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = Field(0, ge=0, lt=2**32)
    gradient_accumulation_steps: int = Field(1, ge=1)
    group_size: int | None = Field(None, ge=1)
    micro_batch_size: int | None = Field(None, ge=1)
    scope: Literal["global", "local"] = "global"
    bucketing: bool = True
    workers: int = Field(0, ge=0)
    teacher_cache: Literal["auto", "off"] | FolderPath = "auto"
    teacher_top_k: int | None = Field(None, ge=1)
    gradient_checkpointing: bool = False
    torch_compile: bool = False
    checkpoints: CheckpointOptions = CheckpointOptions()

    @model_validator(mode="after")
    def _one_size(self) -> TrainingOptions:
        if self.group_size is not None and self.gradient_accumulation_steps > 1:
            raise ValueError("give 'group_size' or 'gradient_accumulation_steps', which both set the size of a step")
        return self


class RunConfig(Options):
    """Everything that decides what a run computes.

    Args:
        task: Name of a task, or a description of the user's own files.
        data_dir: Folder that holds the task's files; absent, the task's own source.
        data: Lengths and subsets.
        prompt: For generative models: the name of one of the task's prompts, or a template with its verbalisers;
            absent, the task's first.
        readout: For generative models: ``answer``, ``last`` or ``verbaliser``, or see ``ReadoutOptions``.
        architecture: ``auto``, or the name of a family.
        teacher: See ``TeacherOptions``.
        student: See ``StudentOptions``.
        training: See ``TrainingOptions``.
        distillation: TextBrewer's ``DistillationConfig`` keys, and ``sinkd``.
        optimizer: Of the students.
        sequence: For generation tasks: distil whole sequences afterwards, see ``SequenceOptions``.
        decoding: For generation tasks: how the texts that are scored are written, see ``DecodingOptions``.
        baselines: Further students by name, each with the keys in which it differs, such as
            ``{kl: {distillation.sinkd: null}}``; they share data, teacher and seed.
    """

    task: str | FilesTask
    data_dir: FolderPath | None = None
    data: DataOptions = DataOptions()
    prompt: str | PromptOptions | None = None
    readout: Readout = ReadoutOptions()
    architecture: str = "auto"
    teacher: TeacherOptions
    student: StudentOptions
    training: TrainingOptions
    distillation: DistillationOptions = DistillationOptions()
    optimizer: OptimizerOptions = OptimizerOptions()
    sequence: SequenceOptions | None = None
    decoding: DecodingOptions = DecodingOptions()
    baselines: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def teacher_seed(self) -> int:
        """What the teacher's fine-tuning draws from."""
        return self.training.seed if self.teacher.seed is None else self.teacher.seed

    @field_validator("baselines")
    @classmethod
    def _only_student_keys(cls, baselines: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, changes in baselines.items():
            if not name.isidentifier() or name in _TAKEN_NAMES:
                raise ValueError(f"a baseline's name must be a word other than student and teacher, not {name!r}")
            for key in changes:
                if key.split(".")[0] not in _BASELINE_SECTIONS:
                    raise ValueError(f"{name} may change only {', '.join(_BASELINE_SECTIONS)}, not '{key}'")
        return baselines


_TAKEN_NAMES = ("student", "teacher")
_BASELINE_SECTIONS = ("student", "distillation", "optimizer", "readout", "sequence")


def load_config(path: Path, changes: Sequence[str] = ()) -> RunConfig:
    """Read and check a run's configuration.

    Args:
        path: A YAML or JSON file.
        changes: ``dotted.key=value`` each; the value is read as YAML.

    Raises:
        ConfigError: If the file cannot be read, or a key or value is wrong.
    """
    return checked(with_changes(read_mapping(path), changes))


def with_changes(data: Mapping[str, Any], changes: Sequence[str]) -> Mapping[str, Any]:
    """Plain data in which each ``dotted.key=value`` holds; the value is read as YAML.

    Raises:
        ConfigError: If a change does not look like that.
    """
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise ConfigError("A change must look like dotted.key=value.", received=f"'{change}'")
        data = with_key(data, key, parse_yaml(value, f"--set {key}"))
    return data


def checked(data: Mapping[str, Any]) -> RunConfig:
    """Plain data as a configuration, each baseline checked as well."""
    config = validate(RunConfig, data)
    students(config)
    return config


def baseline(config: RunConfig, name: str) -> RunConfig:
    """The configuration of one baseline: ``config`` with that baseline's changes."""
    data = with_keys({**plain(config), "baselines": {}}, config.baselines[name], f"baselines.{name}")
    return validate(RunConfig, data, f"baselines.{name}")


def students(config: RunConfig) -> dict[str, RunConfig]:
    """The configuration of every student of a run by its name: the student's own, and the baselines'."""
    return {"student": config, **{name: baseline(config, name) for name in config.baselines}}


def plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as JSON-compatible data, with every default filled in."""
    data: dict[str, Any] = config.model_dump(mode="json")
    return data


def told(config: RunConfig) -> dict[str, Any]:
    """The configuration as JSON-compatible data, without what is at its default."""
    data: dict[str, Any] = config.model_dump(mode="json", exclude_defaults=True)
    return data


def with_keys(data: Mapping[str, Any], values: Mapping[str, Any], where: str = "") -> Mapping[str, Any]:
    """A copy of ``data`` in which each dotted key has its value, one after the other; ``where`` as for ``with_key``.

    Raises:
        ConfigError: If a key leads through something that is no mapping.
    """
    for key, value in values.items():
        data = with_key(data, key, value, where)
    return data


def with_key(data: Mapping[str, Any], key: str, value: Any, where: str = "") -> dict[str, Any]:
    """A copy of ``data`` in which the dotted ``key`` has ``value``; ``where`` is the path of ``data`` for messages.

    Raises:
        ConfigError: If the key leads through something that is no mapping.
    """
    first, _, rest = key.partition(".")
    if not rest:
        return {**data, first: value}
    inner = data.get(first)
    inner = {} if inner is None else inner
    path = f"{where}.{first}" if where else first
    if not isinstance(inner, Mapping):
        raise ConfigError(f"'{path}' must be a mapping to have the key '{rest}'.", received=repr(inner))
    return {**data, first: with_key(inner, rest, value, path)}


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML or JSON file that maps keys to values.

    Raises:
        ConfigError: If it cannot be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("The configuration must be a readable file.", received=f"{path}: {error}") from error
    parse = parse_json if path.suffix == ".json" else parse_yaml
    data = parse(text, str(path))
    if not isinstance(data, dict):
        raise ConfigError(f"'{path}' must map keys to values.", received=type(data).__name__)
    return data
