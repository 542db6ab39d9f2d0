"""Generative models, in PyTorch and in onnxruntime, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.families import Family
from sinkd_plugin.errors import StorageError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

Inputs = Mapping[str, NDArray[np.int64]]
Logits = NDArray[np.float32]


class LanguageModel:
    """A generative model whose next-token logits can be asked for, whole or token by token.

    Args:
        model: A ``PreTrainedModel`` in evaluation mode, or one of optimum's models for onnxruntime.
        family: ``encoder_decoder`` or ``decoder``.
    """

    def __init__(self, model: Any, family: Family) -> None:
        self.model = model
        self._seq2seq = family == "encoder_decoder"

    def logits(self, inputs: Inputs, continuation: NDArray[np.int64]) -> Logits:
        """Logits of a fixed continuation in one call, without a cache.

        Args:
            inputs: ``input_ids`` and ``attention_mask`` ``(batch, length)``, padded on the right.
            continuation: ``(batch, steps)``: what the decoder has written so far, its start token included. A
                decoder-only model has no other input than the texts, and ignores it.

        Returns:
            ``(rows, vocabulary)``: of a decoder-only model one row for each token that is no padding.
        """
        feed = self._tensors(inputs)
        if not self._seq2seq:
            found = self._run(**feed, use_cache=False).logits
            return _numpy(found[feed["attention_mask"].bool()])
        found = self._run(**feed, decoder_input_ids=_tensor(continuation), use_cache=False).logits
        return _numpy(found.flatten(0, 1))

    def cached_logits(self, inputs: Inputs, continuation: NDArray[np.int64]) -> Logits:
        """The same, token by token from a cache; of a decoder-only model after the first half of each text.

        Args:
            inputs: As for ``logits``; of a decoder-only model without padding.
            continuation: As for ``logits``.

        Returns:
            ``(rows, vocabulary)``, step after step.
        """
        feed = self._tensors(inputs)
        steps = self._seq2seq_steps(feed, continuation) if self._seq2seq else self._decoder_steps(feed)
        import torch

        return _numpy(torch.cat(steps))

    def generate(self, inputs: Inputs, new_tokens: int) -> NDArray[np.int64]:
        """What the model writes, greedily, exactly ``new_tokens`` long: ``(batch, new_tokens)``.

        Args:
            inputs: ``input_ids`` and ``attention_mask``; for a decoder-only model padded on the left.
            new_tokens: Number of tokens; the end token does not stop the writing.
        """
        import torch

        feed = self._tensors(inputs)
        with torch.inference_mode():
            written = self.model.generate(
                **feed,
                **self._empty_cache(),
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=self._padding(),
            )
        found: NDArray[np.int64] = written[:, -new_tokens:].numpy()
        return found

    def _padding(self) -> int:
        """Any token where there is none, as in GPT-2: no row ends early, and transformers would say so in each call."""
        token = self.model.config.pad_token_id
        return 0 if token is None else int(token)

    def _empty_cache(self) -> dict[str, Any]:
        """Transformers 4.57 makes a cache for as many layers as the encoder has, and fails if the decoder has more."""
        from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

        if not self._seq2seq or not isinstance(self.model, PreTrainedModel):
            return {}
        return {"past_key_values": EncoderDecoderCache(DynamicCache(), DynamicCache())}

    def _seq2seq_steps(self, feed: dict[str, Tensor], continuation: NDArray[np.int64]) -> list[Tensor]:
        from transformers.modeling_outputs import BaseModelOutput

        tokens, past = _tensor(continuation), None
        encoded: dict[str, Any] = {}
        rows = []
        for step in range(tokens.shape[1]):
            out = self._run(
                **(encoded or feed),
                decoder_input_ids=tokens[:, step : step + 1],
                past_key_values=past,
                use_cache=True,
            )
            state = BaseModelOutput(last_hidden_state=out.encoder_last_hidden_state)
            encoded = encoded or {"encoder_outputs": state, "attention_mask": feed["attention_mask"]}
            past = out.past_key_values
            rows.append(out.logits[:, 0])
        return rows

    def _decoder_steps(self, feed: dict[str, Tensor]) -> list[Tensor]:
        ids, mask = feed["input_ids"], feed["attention_mask"]
        done, past, rows = max(1, ids.shape[1] // 2), None, []
        start = 0
        while start < ids.shape[1]:
            end = done if start == 0 else start + 1
            out = self._run(
                input_ids=ids[:, start:end], attention_mask=mask[:, :end], past_key_values=past, use_cache=True
            )
            past, start = out.past_key_values, end
            rows.append(out.logits[:, -1])
        return rows

    def _run(self, **feed: Any) -> Any:
        import torch

        with torch.inference_mode():
            return self.model(**feed)

    @staticmethod
    def _tensors(inputs: Inputs) -> dict[str, Tensor]:
        return {name: _tensor(inputs[name]) for name in ("input_ids", "attention_mask")}


def open_language_model(
    folder: Path, config: PretrainedConfig, family: Family, *, threads: int | None = None
) -> LanguageModel:
    """Open an exported generative model on the CPU, through optimum.

    Args:
        folder: Holds the graphs under their standard names, in one precision.
        config: The model's configuration.
        family: ``encoder_decoder`` or ``decoder``.
        threads: Threads inside an operator; by default all that are available.

    Raises:
        StorageError: If onnxruntime cannot load a graph.
    """
    from optimum.onnxruntime import ORTModelForCausalLM, ORTModelForSeq2SeqLM

    from sinkd_export.quiet import quiet_loading

    kind = ORTModelForSeq2SeqLM if family == "encoder_decoder" else ORTModelForCausalLM
    try:
        with quiet_loading():
            model = kind.from_pretrained(
                str(folder), config=config, local_files_only=True, session_options=_session_options(threads)
            )
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise StorageError(
            f"'{folder}' must hold ONNX graphs that onnxruntime can load.",
            received=str(error).splitlines()[0],
            cure="Export the model again.",
        ) from error
    _mend_head_size(model, config)
    return LanguageModel(model, family)


def _session_options(threads: int | None) -> Any:
    import onnxruntime

    from sinkd_export.session import FATAL_ONLY, available_threads

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = FATAL_ONLY
    return options


def _mend_head_size(model: Any, config: PretrainedConfig) -> None:
    """optimum-onnx 0.1 takes a head to be ``hidden / heads`` wide; T5's ``d_kv`` says otherwise (optimum #1523)."""
    for decoder in (getattr(model, "decoder", None), getattr(model, "decoder_with_past", None)):
        if decoder is not None and hasattr(decoder, "embed_size_per_head") and hasattr(config, "d_kv"):
            decoder.embed_size_per_head = config.d_kv


def _tensor(values: NDArray[np.int64]) -> Tensor:
    import torch

    return torch.from_numpy(values)


def _numpy(values: Tensor) -> Logits:
    found: Logits = values.float().numpy()
    return found
