"""Real data that tests share: the movie reviews, fetched once into the user's cache, and the official GLUE files."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.errors import DownloadError


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the movie reviews."""
    for item in items:
        if "reviews_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.network)


@pytest.fixture(scope="session")
def reviews_dir() -> Path:
    """A folder for ``data_dir`` that holds the verified movie reviews; skips only where there is no network."""
    pytest.importorskip("datasets", reason="the movie reviews are read with datasets")
    from sinkd_plugin.tasks.reviews import ratings_file

    try:
        return ratings_file().parent
    except DownloadError as error:
        if "connection" in str(error).lower():
            pytest.skip(f"no network to fetch the movie reviews: {error}")
        raise


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official GLUE and SuperGLUE files that may lie beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the official GLUE files are not there: {folder}")
    return folder


GOOD, BAD = ("bright", "warm", "clever", "lovely"), ("dull", "cold", "stupid", "awful")
FILLERS = ("the", "film", "is", "and", "was", "very", "quite", "a", "story", "actor", "scene", "end", "so", "but")


def _vocabulary(words: Sequence[str]) -> list[str]:
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save a small BERT with random weights and its WordPiece tokenizer; returns the folder.

    ``seed`` draws the weights, ``words`` is the vocabulary, everything else goes into ``BertConfig``; ``labels`` of
    more than none gives it a classification head.
    """
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

    def make(seed: int = 0, words: Sequence[str] = (*FILLERS, *GOOD, *BAD), labels: int = 0, **settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("model")
        (folder / "vocab.txt").write_text("\n".join(_vocabulary(words)) + "\n", encoding="utf-8")
        shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
        size = {"vocab_size": len(_vocabulary(words)), "max_position_embeddings": 40, **shape, **settings}
        if labels:
            size["num_labels"] = labels
        torch.manual_seed(seed)
        kind = transformers.BertForSequenceClassification if labels else transformers.BertModel
        kind(transformers.BertConfig(**size)).save_pretrained(folder)
        transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
        return folder

    return make


def _rows(count: int, seed: int) -> Iterator[tuple[str, str]]:
    draw = random.Random(seed)
    for number in range(count):
        words = [*draw.choices(FILLERS, k=draw.randint(4, 9)), draw.choice((GOOD, BAD)[number % 2])]
        draw.shuffle(words)
        yield " ".join(words), ("good", "bad")[number % 2]


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """``train``, ``validation`` and ``test`` files of short reviews whose label one word decides."""
    folder = tmp_path_factory.mktemp("reviews")
    paths = {name: folder / f"{name}.csv" for name in ("train", "validation", "test")}
    for (path, count), seed in zip(zip(paths.values(), (96, 16, 40), strict=True), range(3), strict=True):
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("text", "label"))
            writer.writerows(_rows(count, seed))
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="session")
def run_settings(make_model: Callable[..., Path], reviews_csv: dict[str, str]) -> dict[str, Any]:
    """The configuration of a whole run of a few seconds, as plain data; ``training.output_dir`` is still to be set."""
    return {
        "task": {"files": reviews_csv, "text": "text", "label": "label", "labels": ["bad", "good"], "name": "tiny"},
        "data": {"max_length": 16},
        "teacher": {"model": str(make_model()), "finetune": {"epochs": 6, "learning_rate": 3e-3, "batch_size": 16}},
        "student": {"from_teacher_layers": [0, 2]},
        "training": {"device": "cpu", "precision": "fp32", "seed": 3},
        "distillation": {
            "temperature": 2,
            "hard_label_weight": 0.1,
            "kd_loss_type": "kl",
            "kd_loss_weight": 0.9,
            "sinkd": {"weight": 0.8},
        },
        "optimizer": {"learning_rate": 1e-3, "epochs": 2, "batch_size": 16},
        "baselines": {"kl": {"distillation.sinkd": None}},
    }
