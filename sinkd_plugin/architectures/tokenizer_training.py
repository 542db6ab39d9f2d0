"""Tokenizers for models that start from nothing, by byte-pair encoding, which gives the same tokens each time.

The trainers of WordPiece and Unigram pieces do not: they go through the words in another order each time, and that
decides between pieces that are equally good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_INPUTS = ["input_ids", "attention_mask"]
"""What generative models take: T5 refuses token types, and GPT-Neo adds the embedding of a token for each."""

_CLEAN = (normalizers.NFKC(), normalizers.Replace("\n", " "))


def framed(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """For encoders: small letters, ``[CLS] text [SEP]``, or a pair with token types 0 and 1."""
    special = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    core = _of_words(texts, vocabulary, special, normalizers.Sequence([*_CLEAN, normalizers.Lowercase()]))
    core.post_processor = _frame(core, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ("[CLS]", "[SEP]"))
    return PreTrainedTokenizerFast(tokenizer_object=core, **_named(special))


def ended(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """For encoder-decoders: ``text </s>``."""
    special = {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    core = _of_words(texts, vocabulary, special, normalizers.Sequence(list(_CLEAN)))
    core.post_processor = _frame(core, "$A </s>", "$A </s> $B </s>", ("</s>",))
    return PreTrainedTokenizerFast(tokenizer_object=core, model_input_names=_INPUTS, **_named(special))


def byte_level(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """For decoders, as GPT-2's: of bytes, to which no character is unknown; one special token, none for padding."""
    end = "<|endoftext|>"
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    _train(core, texts, vocabulary, [end], sorted(pre_tokenizers.ByteLevel.alphabet()))
    special = {"bos": end, "eos": end, "unk": end}
    return PreTrainedTokenizerFast(tokenizer_object=core, model_input_names=_INPUTS, **_named(special))


def _of_words(
    texts: Iterable[str], vocabulary: int, special: Mapping[str, str], normalizer: normalizers.Normalizer
) -> Tokenizer:
    """Pieces of words, of which the first of each word is marked."""
    core = Tokenizer(models.BPE(unk_token=special["unk"], fuse_unk=True))
    core.normalizer = normalizer
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    known = list(texts)
    counts = Counter(letter for text in known for letter in normalizer.normalize_str(text) if not letter.isspace())
    most = sorted(counts, key=lambda letter: (-counts[letter], letter))[: vocabulary // 2]
    _train(core, known, vocabulary, list(special.values()), sorted({"▁", *most}))
    return core


def _train(core: Tokenizer, texts: Iterable[str], vocabulary: int, special: list[str], alphabet: list[str]) -> None:
    # with the whole alphabet given, nothing depends on the order in which the trainer finds it
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)


def _named(special: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}_token": token for name, token in special.items()}


def _frame(core: Tokenizer, single: str, pair: str, tokens: tuple[str, ...]) -> processors.TemplateProcessing:
    numbers = [(token, core.token_to_id(token)) for token in tokens]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=numbers)
