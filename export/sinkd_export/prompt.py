"""The question that a generative student is asked about a text; it is kept whole, only the text is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from sinkd_export.settings import bad_setting, read_settings
from sinkd_export.tokens import Item, Tokens
from sinkd_plugin.errors import DataError

PROMPT_NAME = "prompt.json"
"""``{"template": "{premise}\\nDoes it follow that {hypothesis}?", "text": ["premise", "hypothesis"]}``"""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A template, and the names of its texts in the order in which they are given.

    Args:
        template: The question; ``{name}`` stands for a text.
        text: One name or two.
    """

    template: str
    text: tuple[str, ...]

    def ask(self, item: Item, tokens: Tokens) -> tuple[str, int]:
        """The question about one text or pair, and how many tokens of it had to be cut.

        Raises:
            DataError: If it takes a pair and gets one text, or the other way round.
        """
        texts = dict(zip(self.text, self._texts(item), strict=True))
        length = before = tokens.count(self._filled(texts))
        while length > tokens.max_length:
            longest = max(texts, key=lambda name: len(texts[name]))
            characters = len(texts[longest])
            if not characters:
                raise DataError("A prompt must leave room for a text.", received=f"{tokens.max_length} tokens in all")
            texts[longest] = _cut(texts[longest], min(characters - 1, characters * tokens.max_length // length))
            length = tokens.count(self._filled(texts))
        return self._filled(texts), before - length

    def _texts(self, item: Item) -> Sequence[str]:
        texts = (item,) if isinstance(item, str) else item
        if len(texts) != len(self.text):
            raise DataError(
                f"This student is asked about {' and '.join(self.text)}.",
                received=f"{len(texts)} text(s)",
                cure="Give pairs of texts." if len(self.text) == 2 else "Give single texts.",
            )
        return texts

    def _filled(self, texts: Mapping[str, str]) -> str:
        return "".join(
            literal + (texts[name] if name is not None else "")
            for literal, name, _, _ in Formatter().parse(self.template)
        )


def open_prompt(folder: Path) -> Prompt | None:
    """The prompt of an exported folder, or ``None`` for a student that is not asked but given its text.

    Raises:
        ModelReferenceError: If ``prompt.json`` is damaged, or its template does not fit its texts.
    """
    path = folder / PROMPT_NAME
    if not path.is_file():
        return None
    data = read_settings(path)
    template, text = data.get("template"), data.get("text")
    if not isinstance(template, str) or not isinstance(text, list) or not _fit(template, text):
        raise bad_setting(path, 'hold a template, and in "text" one or two names, some of them in its braces', data)
    return Prompt(template=template, text=tuple(text))


def _cut(text: str, length: int) -> str:
    """At most so many characters, of whole words if there are several: as texts are cut in training."""
    words = text[:length].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 and not text[length].isspace() else text[:length].rstrip()


def _fit(template: str, text: Sequence[object]) -> bool:
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError:  # a brace that is not closed
        return False
    named = {name for name in text if isinstance(name, str)}
    return len(named) == len(text) in (1, 2) and len(names) > 0 and names <= named
