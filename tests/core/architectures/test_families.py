"""Which family a model belongs to, how models load that answer in words, and how new ones are described."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sentencepiece
import torch
import transformers

from sinkd_plugin.architectures.specs import architecture_of, family_of
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError, ModelReferenceError, UnknownNameError

if TYPE_CHECKING:
    from tests.core.architectures.conftest import Made

Make = Callable[..., "Made"]
LABELS = ("bad", "good")
FAMILIES = {
    "encoder": ("Bert", "Roberta", "DistilBert", "Albert", "Electra", "DebertaV2", "MPNet"),
    "encoder-decoder": ("T5", "MT5", "Bart", "MBart", "Pegasus", "Marian"),
    "decoder": ("GPT2", "GPTNeo", "GPTNeoX", "Llama", "Mistral", "Qwen2", "OPT", "Gemma2"),
}


@pytest.mark.parametrize(("family", "kind"), [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds])
def test_models_are_recognised_by_their_type(family: str, kind: str) -> None:
    config = getattr(transformers, f"{kind}Config")()
    assert architecture_of(config).name == family
    assert [entry.spec.name for entry in catalog().architectures if entry.spec.supports(config)] == [family]


@pytest.mark.parametrize("kind", ["ViT", "Wav2Vec2", "CLIP"])
def test_models_of_no_family_are_told(kind: str) -> None:
    with pytest.raises(ModelReferenceError, match=r"known architecture.*Known: decoder, encoder, encoder-decoder"):
        architecture_of(getattr(transformers, f"{kind}Config")())


def test_a_classifier_made_of_a_decoder_is_no_decoder() -> None:
    with pytest.raises(ModelReferenceError, match="known architecture"):
        architecture_of(transformers.GPT2Config(architectures=["GPT2ForSequenceClassification"]))


def test_a_family_can_be_named() -> None:
    assert family_of(transformers.BertConfig(), "decoder").name == "decoder"
    with pytest.raises(UnknownNameError, match="Did you mean 'decoder'"):
        family_of(transformers.BertConfig(), "decodr")


def saved(made: Made, folder: Path) -> Path:
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    return folder


def edit(file: Path, **changes: Any) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    data.update(changes)
    file.write_text(json.dumps({name: value for name, value in data.items() if value is not None}), encoding="utf-8")


def test_a_model_comes_back_from_its_folder(made: Made, tmp_path: Path) -> None:
    model, tokenizer = made.family.load(str(saved(made, tmp_path)), LABELS, needs_head=True)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), made.model.parameters(), strict=True))
    assert tokenizer.get_vocab() == made.tokenizer.get_vocab()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_load_in_the_type_that_is_asked_for(make: Make, tmp_path: Path, dtype: torch.dtype) -> None:
    made = make("gpt2")
    model, _ = made.family.load(str(saved(made, tmp_path)), LABELS, dtype=dtype)
    assert {weight.dtype for weight in model.parameters()} == {dtype}


def test_accelerate_places_a_model(make: Make, tmp_path: Path) -> None:
    made = make("t5")
    model, tokenizer = made.family.load(str(saved(made, tmp_path)), LABELS, device_map="auto")
    assert set(model.hf_device_map.values()) <= {"cpu", 0}
    reader = made.family.reader(model.config, tokenizer, made.question)
    scores = reader.class_scores(model, made.examples())
    assert torch.allclose(scores, made.reader().class_scores(made.model, made.examples()), atol=1e-5)


def test_a_missing_padding_token_is_the_end_token(make: Make, tmp_path: Path) -> None:
    made = make("gpt2")
    folder = saved(made, tmp_path)
    edit(folder / "tokenizer_config.json", pad_token=None)
    edit(folder / "special_tokens_map.json", pad_token=None)
    edit(folder / "config.json", pad_token_id=None)
    model, tokenizer = made.family.load(str(folder), LABELS)
    assert tokenizer.pad_token == tokenizer.eos_token == "<|endoftext|>"
    assert model.config.pad_token_id == tokenizer.eos_token_id
    batch = made.family.reader(model.config, tokenizer, made.question).collate(made.examples())
    assert (batch["answers"] == tokenizer.eos_token_id).sum() == len(made.examples()), "the end is learned all the same"


def test_a_tokenizer_with_neither_padding_nor_end_is_refused(make: Make, tmp_path: Path) -> None:
    made = make("gpt2")
    folder = saved(made, tmp_path)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        edit(folder / name, pad_token=None, eos_token=None)
    with pytest.raises(ModelReferenceError, match="a padding token or an end token"):
        made.family.load(str(folder), LABELS)


def test_a_decoder_without_a_start_token_starts_from_padding(make: Make, tmp_path: Path) -> None:
    made = make("t5")
    folder = saved(made, tmp_path)
    edit(folder / "config.json", decoder_start_token_id=None)
    (folder / "generation_config.json").unlink()
    model, tokenizer = made.family.load(str(folder), LABELS)
    assert model.config.decoder_start_token_id == tokenizer.pad_token_id
    batch = made.family.reader(model.config, tokenizer, made.question).collate(made.examples())
    assert set(batch["decoder_input_ids"][:, 0].tolist()) == {tokenizer.pad_token_id}


def test_barts_answers_follow_its_start_and_its_first_token(make: Make) -> None:
    """Its decoder starts from ``decoder_start_token_id``, and never has to predict what a tokenizer puts before."""
    made = make("bart", decoder_start_token_id=1)
    batch = made.reader().collate(made.examples())
    assert set(batch["decoder_input_ids"][:, 0].tolist()) == {1}


def test_a_head_is_needed_where_nothing_trains_one(make: Make, tmp_path: Path) -> None:
    made = make("gpt2", tie_word_embeddings=False)
    folder = saved(made, tmp_path)
    made.model.transformer.save_pretrained(folder)
    with pytest.raises(ModelReferenceError, match=r"needs weights for all of its layers.*without lm_head\.weight"):
        made.family.load(str(folder), LABELS, needs_head=True)
    made.family.load(str(folder), LABELS)


def test_more_tokens_than_embeddings_are_refused(make: Make, tmp_path: Path) -> None:
    made = make("gpt2", vocab_size=200)
    with pytest.raises(ModelReferenceError, match=r"an embedding for each token.*tokens and 200 embeddings"):
        made.family.load(str(saved(made, tmp_path)), LABELS)


def test_texts_are_cut_to_the_positions_of_the_model(make: Make) -> None:
    made = make("gpt_neo", max_position_embeddings=24)
    tokenizer = made.family.train_tokenizer(["good bad very indeed Review Verdict"], 300)
    model = made.family.fresh(
        {"model_type": "gpt_neo", "num_layers": 1, "hidden_size": 16, "num_heads": 2, "max_position_embeddings": 24},
        tokenizer,
        LABELS,
    )
    reader = made.family.reader(model.config, tokenizer, made.question)
    from datasets import Dataset

    encoded = reader.encode(Dataset.from_dict({"text": ["good " * 300], "label": [1]}))
    batch = reader.collate(list(encoded))
    assert batch["input_ids"].shape[1] <= 24
    with reader.attached(model), torch.no_grad():
        assert torch.isfinite(model(**batch).logits).all()


FRESH = {
    "encoder": {"model_type": "bert", "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32},
    "encoder-decoder": {"model_type": "t5", "d_model": 16, "num_heads": 2, "d_kv": 8, "d_ff": 32, "num_layers": 2},
    "decoder": {"model_type": "gpt_neo", "hidden_size": 16, "num_heads": 2, "num_layers": 3},
}


@pytest.mark.parametrize("family", FRESH)
def test_a_trained_tokenizer_and_a_fresh_model_fit_each_other(family: str, tmp_path: Path) -> None:
    architecture = catalog().architectures.get(family).build()
    texts = ["The film was good.", "A bad film, with an end that is worse."]
    tokenizer = architecture.train_tokenizer(texts, 300)
    model = architecture.fresh(FRESH[family], tokenizer, LABELS)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    _, again = architecture.load(str(tmp_path), LABELS)
    for text in texts:
        ids = again(text)["input_ids"]
        assert ids == tokenizer(text)["input_ids"]
        assert again.decode(ids, skip_special_tokens=True).lower().replace(" ", "") == text.lower().replace(" ", "")


@pytest.mark.parametrize("family", FRESH)
def test_a_model_takes_all_that_its_trained_tokenizer_gives(family: str, tmp_path: Path) -> None:
    """As in ``model(**tokenizer(text))``: token types go to encoders alone, GPT-Neo would add them to the words."""
    architecture = catalog().architectures.get(family).build()
    tokenizer = architecture.train_tokenizer(["The film was good.", "A bad film."], 300)
    model = architecture.fresh(FRESH[family], tokenizer, LABELS).eval()
    tokenizer.save_pretrained(tmp_path)
    given = transformers.AutoTokenizer.from_pretrained(tmp_path)("The film was bad.", return_tensors="pt")
    assert ("token_type_ids" in given) == (family == "encoder")
    start = {"decoder_input_ids": torch.tensor([[0]])} if family == "encoder-decoder" else {}
    with torch.no_grad():
        rows = model(**given, **start).logits
        assert torch.equal(rows, model(given["input_ids"], **start).logits)
    if family != "encoder":
        assert model.generate(**given, max_new_tokens=2).shape[0] == 1


@pytest.mark.parametrize("family", FRESH)
def test_a_tokenizer_is_the_same_each_time(family: str) -> None:
    architecture = catalog().architectures.get(family).build()
    texts = [f"film number {number} is {'good' if number % 2 else 'bad'}" for number in range(50)]
    first = architecture.train_tokenizer(texts, 300).get_vocab()
    assert all(architecture.train_tokenizer(texts, 300).get_vocab() == first for _ in range(5))


def test_a_tokenizer_that_is_only_a_sentencepiece_model(make: Make, tmp_path: Path) -> None:
    """As the folders of T5 1.1 and T0 hold it; its 100 extra tokens are none of the file."""
    folder = saved(make("t5", vocab_size=256), tmp_path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink()
    texts = ["a warm and clever film", "dull", "Review: quite good\nVerdict: very bad indeed"] * 20
    (tmp_path / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
    )
    (folder / "spiece.vocab").unlink()
    model, tokenizer = catalog().architectures.get("encoder-decoder").build().load(str(folder), LABELS)
    made = make("t5")
    reader = made.family.reader(model.config, tokenizer, made.question)
    examples = list(reader.encode(made.split))
    assert tokenizer.decode(examples[0]["answer"]) == "good</s>"
    batch = reader.collate(examples)
    with reader.attached(model), torch.no_grad():
        rows = reader.adaptor(batch, model(**batch, **reader.forward_arguments))["logits"]
    assert rows.shape == (sum(reader.row_counts(reader.encode(made.split))), len(tokenizer))
    assert len(tokenizer) < model.config.vocab_size == 256


def test_layers_of_gpt_neo_look_far_and_near_in_turns(make: Make) -> None:
    assert make("gpt_neo", num_layers=3).model.config.attention_layers == ["global", "local", "global"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_type": "t55"}, r"must be a model type of Transformers.*Received: 't55'\. Did you mean 't5'"),
        (
            {"model_type": "t5", "d_modl": 16},
            r"keys of a configuration of type 't5'.*'d_modl'\. Did you mean 'd_model'",
        ),
        ({"model_type": "gpt_neo", "hidden_size": 10, "num_heads": 3, "num_layers": 1}, "that Transformers can build"),
        (
            {"model_type": "gpt_neo", "num_layers": 2, "attention_types": [[["global"], 3]]},
            "that Transformers can build",
        ),
        ({"model_type": "vit"}, "that Transformers can build"),
    ],
)
def test_descriptions_that_make_no_model(make: Make, settings: dict[str, Any], message: str) -> None:
    made = make("gpt_neo")
    with pytest.raises(ConfigError, match=message):
        made.family.fresh(settings, made.tokenizer, LABELS)
