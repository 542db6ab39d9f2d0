"""The prompts of our own tasks, as data. Verbalisers stand in the order of each task's labels."""

from __future__ import annotations

from sinkd_plugin.specs import Prompt


def _prompt(name: str, template: str, *verbalisers: str) -> Prompt:
    return Prompt(name=name, template=template, verbalisers=verbalisers)


_REVIEW = (
    _prompt("verdict", "Review: {column}\nVerdict on the movie, good or bad?\nVerdict:", "bad", "good"),
    _prompt("liked", "A critic wrote: {column}\nDid the critic like the movie?\nAnswer:", "no", "yes"),
    _prompt("feeling", "{column}\nThe feeling behind these words is", "negative", "positive"),
)


def _about(column: str) -> tuple[Prompt, ...]:
    """The prompts about a movie review whose text stands in ``column``."""
    return tuple(
        _prompt(one.name, one.template.replace("{column}", f"{{{column}}}"), *one.verbalisers) for one in _REVIEW
    )


PROMPTS: dict[str, tuple[Prompt, ...]] = {
    "reviews": _about("text"),
    "reviews/word_order": (_prompt("order", "{words}\nIn order:"),),
    "glue/sst2": _about("sentence"),
    "glue/cola": (
        _prompt("grammatical", "Sentence: {sentence}\nIs this sentence grammatical?\nAnswer:", "no", "yes"),
        _prompt("verdict", "{sentence}\nA linguist would call this sentence", "unacceptable", "acceptable"),
        _prompt(
            "editor", "An editor reads: {sentence}\nDoes the editor find it right or wrong?\nIt is", "wrong", "right"
        ),
    ),
    "glue/mrpc": (
        _prompt("same", "First: {sentence1}\nSecond: {sentence2}\nDo both say the same?\nAnswer:", "no", "yes"),
        _prompt("meaning", "A: {sentence1}\nB: {sentence2}\nThe meanings of A and B are", "different", "equal"),
        _prompt("news", "{sentence1}\n{sentence2}\nAs news, the second line is", "new", "known"),
    ),
    "glue/qqp": (
        _prompt("same", "One asks: {question1}\nOne asks: {question2}\nDo both ask the same?\nAnswer:", "no", "yes"),
        _prompt("answer", "{question1}\n{question2}\nThe answers to these two questions are", "different", "the same"),
        _prompt("duplicate", "A: {question1}\nB: {question2}\nBeside A, question B is", "needed", "redundant"),
    ),
    "glue/qnli": (
        _prompt("answered", "{sentence}\nDoes this answer the question: {question}\nAnswer:", "yes", "no"),
        _prompt("found", "Question: {question}\nText: {sentence}\nThe answer is in the text:", "true", "false"),
        _prompt("search", "Searched for: {question}\nFound: {sentence}\nThe find is", "useful", "useless"),
    ),
    "glue/rte": (
        _prompt("follows", "{sentence1}\nDoes it follow that {sentence2}\nAnswer:", "yes", "no"),
        _prompt("claim", "Text: {sentence1}\nClaim: {sentence2}\nBy the text, the claim is", "proven", "unproven"),
        _prompt("certain", "Known: {sentence1}\nIs it certain then? {sentence2}\nAnswer:", "certain", "uncertain"),
    ),
    "superglue/rte": (
        _prompt("follows", "{premise}\nDoes it follow that {hypothesis}\nAnswer:", "yes", "no"),
        _prompt("claim", "Text: {premise}\nClaim: {hypothesis}\nBy the text, the claim is", "proven", "unproven"),
        _prompt("certain", "Known: {premise}\nIs it certain then? {hypothesis}\nAnswer:", "certain", "uncertain"),
    ),
    "superglue/cb": (
        _prompt("follows", "{premise}\nDoes it follow that {hypothesis}?\nAnswer:", "yes", "no", "maybe"),
        _prompt("claim", "Text: {premise}\nClaim: {hypothesis}\nBy the text, the claim is", "true", "false", "open"),
        _prompt("author", "{premise}\nWould the speaker say that {hypothesis}?\nAnswer:", "yes", "no", "unclear"),
    ),
    "glue/mnli": (
        _prompt("follows", "{premise}\nDoes it follow that {hypothesis}\nAnswer:", "yes", "maybe", "no"),
        _prompt("claim", "Text: {premise}\nClaim: {hypothesis}\nBy the text, the claim is", "true", "open", "false"),
        _prompt("relation", "{premise}\n{hypothesis}\nThe second line", "follows", "is possible", "is impossible"),
    ),
}
