"""The model to export: found, local, supported, labelled, with a tokenizer; every complaint before work begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.families import Family, Form, default_form, family_of
from sinkd_export.lengths import smallest_length
from sinkd_export.model_folder import load_config, load_tokenizer, local_folder, trained_length, weight_files
from sinkd_export.specs import ExportTargetSpec
from sinkd_plugin.errors import ModelReferenceError, UserError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from sinkd_export.asking import Asked


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model in a local Transformers folder, and what its export is to compute.

    Args:
        reference: What the user called it.
        folder: Where it lies.
        config: Its configuration.
        tokenizer: Its tokenizer, with ``model_max_length`` no longer than the position table.
        family: Its family; ``None`` for a model that only a third party's target knows.
        form: What the export computes.
        labels: Label names in the order of the logits; none where it generates.
        trained_length: Tokens that texts were cut to in training, if the trainer's record says so.
        asked: How a generative model is asked to classify.
        ranking: How a model that generates is asked for labels where it is scored; its export knows nothing of it.
    """

    reference: str
    folder: Path
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    family: Family | None
    form: Form
    labels: tuple[str, ...]
    trained_length: int | None = None
    asked: Asked | None = None
    ranking: Asked | None = None

    @property
    def known_family(self) -> Family:
        """The family, of a model that is exported to ONNX.

        Raises:
            UserError: If it has none.
        """
        if self.family is None:
            raise UserError("Only known families are exported to ONNX.", received=f"'{self.config.model_type}'")
        return self.family

    @property
    def max_length(self) -> int:
        """Most tokens of one input, special tokens included."""
        return int(self.tokenizer.model_max_length)

    @property
    def deployed_length(self) -> int:
        """Tokens that a deployed student cuts a text to: those of training, where the model takes as many.

        A model that generates and is asked for labels needs room for all of an answer but its last token.
        """
        limit = self.max_length - (0 if self.ranking is None else self.ranking.room)
        return min(self.trained_length or limit, limit)


def find_source(reference: str, target: ExportTargetSpec, form: Form | None = None) -> Source:
    """Find a model and read everything but its weights.

    Args:
        reference: A model reference, as ``sinkd_plugin.references.resolve_model`` takes it.
        target: What it is to be exported to.
        form: What the export computes; by default what the model was made for.

    Raises:
        UserError: If the target does not support it, or not in this form, it is quantised already, or a classifier of
            anything but one label a text.
        ModelReferenceError: If there is no such model, it lacks weights, label names or a tokenizer, or a length in its
            files, the trainer's record of it included, cannot be.
        DownloadError: If it is on the hub and cannot be fetched.
    """
    folder = local_folder(reference)
    _check_not_exported(folder)
    config = load_config(folder)
    _check_supported(config, target)
    family = family_of(config)
    wanted = form or (default_form(family) if family else "classification")
    _check_form(config, family, wanted, target)
    weight_files(folder)
    labels: tuple[str, ...] = ()
    if wanted == "classification" and family in ("encoder", None):
        _check_single_label(folder, config)
        labels = _labels(folder, config)
    tokenizer = load_tokenizer(folder, config)
    return Source(
        reference=reference,
        folder=folder,
        config=config,
        tokenizer=tokenizer,
        family=family,
        form=wanted,
        labels=labels,
        trained_length=trained_length(folder, least=smallest_length(tokenizer)),
    )


def _check_not_exported(folder: Path) -> None:
    """What has been exported, and perhaps quantised, cannot be again."""
    if list(folder.rglob("*.onnx")) and not list(folder.glob("*.safetensors")):
        raise UserError(
            "A model to export must be a Transformers model in PyTorch.",
            received=f"'{folder}', which is an export already",
            cure="Export the model that it was made of; its export.json names it under 'source'.",
        )


def _check_supported(config: PretrainedConfig, target: ExportTargetSpec) -> None:
    method = (getattr(config, "quantization_config", None) or {}).get("quant_method", "quantised")
    if getattr(config, "quantization_config", None):
        raise UserError(
            "A model to export must not be quantised already.",
            received=f"weights in {method}",
            cure="Export the model that it was made of, with --quantize.",
        )
    if target.supports(config):
        return
    architectures = ", ".join(config.architectures or ["no architecture"])
    raise UserError(
        f"The export target '{target.name}' must support the model: {target.summary}",
        received=f"{architectures} ({config.model_type})",
        cure="`sinkd list targets` shows what can be exported.",
    )


def _check_single_label(folder: Path, config: PretrainedConfig) -> None:
    """What an exported classifier answers is a softmax, which makes sense where exactly one label is right."""
    if config.problem_type in (None, "single_label_classification"):
        return
    raise UserError(
        "A classifier to export must give each text exactly one of its labels.",
        received=f"problem_type '{config.problem_type}' in '{folder}'",
        cure="Export a model trained for single_label_classification; if this one was, correct its config.json.",
    )


def _check_form(config: PretrainedConfig, family: Family | None, form: Form, target: ExportTargetSpec) -> None:
    if family == "encoder" and form == "generation":
        raise UserError("Only generative models can generate.", received=f"an encoder ({config.model_type})")
    if form not in target.forms:
        raise UserError(
            f"The export target '{target.name}' holds models for {' and '.join(target.forms)}.",
            received=f"--task {form} ({config.model_type})",
            cure="Choose another --target, or --task classification for a generative student.",
        )


def _labels(folder: Path, config: PretrainedConfig) -> tuple[str, ...]:
    from transformers import PretrainedConfig as Config

    written, _ = Config.get_config_dict(str(folder), local_files_only=True)
    names: Mapping[int, str] = config.id2label if "id2label" in written else {}
    if len(names) < 2 or sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        raise ModelReferenceError(
            "A classifier's config.json must name two or more different labels in id2label, from 0 on.",
            received=f"{written.get('id2label')} in '{folder}'",
            cure="Set model.config.id2label and label2id, and save the model again.",
        )
    return tuple(names[index] for index in range(len(names)))
