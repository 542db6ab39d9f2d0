"""A Transformers folder: where it lies, and its parts, each loaded with every complaint in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinkd_export.families import Family
from sinkd_export.lengths import length_of, smallest_length
from sinkd_export.tokens import UNBOUNDED
from sinkd_plugin.errors import DownloadError, ModelReferenceError, StorageError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.storage import read_json, sha256

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")


def local_folder(reference: str) -> Path:
    """The folder of a model reference; a hub id is fetched once, so that nothing after this needs a network.

    Raises:
        ModelReferenceError: If there is no such model.
        DownloadError: If the hub cannot be reached.
    """
    location = resolve_model(reference)
    if Path(location).is_dir():
        return Path(location)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return Path(snapshot_download(location, allow_patterns=list(HUB_FILES)))
    except RepositoryNotFoundError:
        raise ModelReferenceError(
            "A model must be a folder that exists, package:NAME/FOLDER, zoo:NAME, or a hub id.",
            received=f"'{reference}', which the hub does not have",
        ) from None
    except Exception as error:  # the hub client lets its HTTP library's exceptions through
        raise DownloadError(
            f"The model '{reference}' is no folder here and could not be fetched from the hub.",
            received=str(error).splitlines()[0],
            cure="Check the spelling of a folder, or the network.",
        ) from error


def load_config(folder: Path) -> PretrainedConfig:
    """Read ``config.json``.

    Raises:
        ModelReferenceError: If it is damaged or of an unknown model type.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelReferenceError(
            "A model's config.json must be one that transformers can read.",
            received=f"'{folder}': {str(error).splitlines()[0]}",
            cure="Save the model again with save_pretrained.",
        ) from error


def load_tokenizer(folder: Path, config: PretrainedConfig) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer, cut to the model's position table.

    Raises:
        ModelReferenceError: If there is none, or a damaged one, or its maximum or the model's cannot be.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # transformers raises many kinds, tokenizers a bare Exception where its file is damaged
        raise _no_tokenizer(folder, "none that loads") from error
    if not tokenizer.is_fast:
        raise _no_tokenizer(folder, f"{type(tokenizer).__name__}, which has no tokenizer.json")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # GPT-2 has none; a batch needs one, and the mask hides it
    least = smallest_length(tokenizer)
    own = length_of(tokenizer.model_max_length, "model_max_length in tokenizer_config.json", folder, least=least)
    positions = getattr(config, "max_position_embeddings", UNBOUNDED)
    length_of(positions, "max_position_embeddings in config.json", folder, least=least)
    tokenizer.model_max_length = min(own, UNBOUNDED, position_limit(config))
    return tokenizer


def position_limit(config: PretrainedConfig) -> int:
    """Most tokens the position table has room for; some families start counting after the padding index."""
    first = {"roberta": int(config.pad_token_id or 0) + 1, "mpnet": 2}
    return int(getattr(config, "max_position_embeddings", UNBOUNDED)) - first.get(config.model_type, 0)


def training_record(folder: Path) -> Mapping[str, Any]:
    """What the trainer left beside a model, ``sinkd.json``; nothing where there is none.

    Raises:
        StorageError: If it is no JSON.
    """
    path = folder / "sinkd.json"
    record = read_json(path) if path.is_file() else {}
    return record if isinstance(record, Mapping) else {}


def trained_length(folder: Path, *, least: int) -> int | None:
    """Tokens that training cut a text to, if the trainer tells.

    Args:
        folder: The model's folder.
        least: The smallest that its tokenizer leaves room for a text in.

    Raises:
        ModelReferenceError: If what it tells is no number of tokens, or fewer than ``least``.
    """
    length: object = training_record(folder).get("max_length")
    return None if length is None else length_of(length, "max_length in a model's sinkd.json", folder, least=least)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder.

    Raises:
        ModelReferenceError: If it has none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelReferenceError(
            "A model folder must hold its weights as safetensors.",
            received=f"'{folder}'",
            cure="Save the model with save_pretrained(safe_serialization=True).",
        )
    return files


def weights_digest(folder: Path) -> dict[str, str]:
    """sha256 of each weight file, by name: two models are the same where these are."""
    return {path.name: sha256(path) for path in weight_files(folder)}


def load_model(folder: Path, family: Family | None = None) -> PreTrainedModel:
    """Load a model in float32, in evaluation mode, from nothing but the folder.

    Args:
        folder: The Transformers folder.
        family: Its family; a classifier if there is none.

    Raises:
        ModelReferenceError: If a tensor is missing, since transformers would fill it with random numbers, or the model
            answers with a bare tuple.
        StorageError: If the weights are damaged, or there is no such model as config.json describes.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    from sinkd_export.quiet import quiet_loading

    heads: dict[Family | None, Any] = {"encoder_decoder": AutoModelForSeq2SeqLM, "decoder": AutoModelForCausalLM}
    arguments: dict[str, Any] = {"local_files_only": True, "dtype": torch.float32, "use_safetensors": True}
    try:
        with quiet_loading():
            model, info = heads.get(family, AutoModelForSequenceClassification).from_pretrained(
                str(folder), output_loading_info=True, **arguments
            )
    except (KeyError, TypeError, ZeroDivisionError) as error:  # a setting that cannot be looked up or counted with
        raise StorageError(
            f"The config.json in '{folder}' must describe a model that transformers can build.",
            received=f"{type(error).__name__}: {error}",
            cure="Correct the setting, or save or download the model again.",
        ) from error
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise StorageError(
            f"The weights in '{folder}' must fit its config.json and be undamaged.",
            received=str(error).strip().splitlines()[0],
            cure="Save or download the model again.",
        ) from error
    if not model.config.return_dict:
        raise ModelReferenceError(
            "A model must name its outputs.",
            received=f"\"return_dict\": false in the config.json of '{folder}'",
            cure="Remove return_dict there.",
        )
    if info["missing_keys"]:
        raise ModelReferenceError(
            "A checkpoint must hold every tensor of its model.",
            received=f"'{folder}' without {', '.join(sorted(info['missing_keys'])[:5])}",
            cure="Fine-tune or distil the model first, and save all of it.",
        )
    return model.eval()


def _no_tokenizer(folder: Path, found: str) -> ModelReferenceError:
    return ModelReferenceError(
        "A model to export needs its fast tokenizer (tokenizer.json) beside it.",
        received=f"{found} in '{folder}'",
        cure="Save it there with tokenizer.save_pretrained.",
    )
