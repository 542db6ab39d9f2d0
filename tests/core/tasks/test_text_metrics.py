"""Corpus metrics against their libraries' own, and their intervals against an independent bootstrap."""

import random

import pytest

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.kinds import METRICS_OF
from sinkd_plugin.tasks.text_metrics import score_texts

np = pytest.importorskip("numpy")
sacrebleu = pytest.importorskip("sacrebleu")
pytest.importorskip("rouge_score")

WORDS = ("warm", "funny", "dull", "film", "story", "and", "a", "the", "very", "long")


def texts(count: int, seed: int) -> tuple[list[str], list[str]]:
    """References, and copies with some words replaced."""
    draw = random.Random(seed)
    references = [draw.choices(WORDS, k=draw.randint(3, 12)) for _ in range(count)]
    written = [[draw.choice(WORDS) if draw.random() < 0.2 else word for word in words] for words in references]
    return [" ".join(words) for words in references], [" ".join(words) for words in written]


@pytest.mark.parametrize("seed", range(4))
def test_bleu_of_the_corpus_is_sacrebleus(seed: int) -> None:
    references, written = texts(60, seed)
    expected = sacrebleu.corpus_bleu(written, [references]).score
    assert score_texts(references, written)["bleu"] == pytest.approx(expected, abs=1e-9)


def test_rouge_by_hand() -> None:
    found = score_texts(["the film is warm", "a long story"], ["the film was warm", "a long story"])
    assert found["rouge1"] == pytest.approx((3 / 4 + 1) / 2)
    assert found["rouge2"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["rougeL"] == pytest.approx((3 / 4 + 1) / 2)
    assert found["exact_match"] == 0.5


@pytest.mark.parametrize("metric", METRICS_OF["generation"])
def test_the_intervals_are_those_of_a_bootstrap_over_texts(metric: str) -> None:
    references, written = texts(80, 9)
    low, high = score_texts(references, written, seed=1)["interval"][metric]
    draw = random.Random(2)
    values = []
    for _ in range(150):
        chosen = draw.choices(range(len(written)), k=len(written))
        pair = [references[row] for row in chosen], [written[row] for row in chosen]
        if metric == "bleu":
            values.append(sacrebleu.corpus_bleu(pair[1], [pair[0]]).score)
        else:
            values.append(_mean(metric, *pair))
    scale = 100 if metric == "bleu" else 1
    assert [low / scale, high / scale] == pytest.approx(np.percentile(values, [2.5, 97.5]) / scale, abs=0.04)


def _mean(metric: str, references: list[str], written: list[str]) -> float:
    from rouge_score.rouge_scorer import RougeScorer

    if metric == "exact_match":
        return float(np.mean([one == other for one, other in zip(references, written, strict=True)]))
    scorer = RougeScorer([metric])
    scores = [scorer.score(one, other)[metric].fmeasure for one, other in zip(references, written, strict=True)]
    return float(np.mean(scores))


def test_perfect_empty_and_foreign_texts() -> None:
    references = ["a warm and funny film", "the story is long"]
    perfect = score_texts(references, references)
    assert (perfect["bleu"], perfect["rougeL"], perfect["exact_match"]) == (100, 1, 1)
    empty = score_texts(references, ["", ""])
    assert (empty["bleu"], empty["rouge1"], empty["exact_match"]) == (0, 0, 0)
    assert score_texts(["Ein schöner Film"], ["Ein schöner Film"])["exact_match"] == 1


@pytest.mark.parametrize(("references", "written"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_what_cannot_be_scored_is_an_error(references: list[str], written: list[str]) -> None:
    with pytest.raises(DataError, match="as many written texts as references"):
        score_texts(references, written)
