"""Cards as JSON: what an index may say of a student, and nothing else.

An index may come from a stranger, so a card is refused unless its name, its files and their sizes are plainly harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator

from sinkd_plugin.options import Options, validate
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.zoo_cache import card_as_data
from sinkd_zoo.names import check_digest, check_name, check_paths, check_revision, check_text

LARGEST_FILE = 2**36
"""Bytes that a card may claim for a file: 64 GiB."""

MOST_FILES = 1000
_LARGEST_COUNT = 2**53
"""Beyond this, not every JSON reader keeps an integer."""

_Text = Annotated[str, AfterValidator(check_text), Field(max_length=200)]
_Digest = Annotated[str, AfterValidator(check_digest)]
_Bytes = Annotated[int, Field(ge=0, le=LARGEST_FILE)]


class CardRecord(Options):
    """The JSON form of a ``ZooCard``; the fields are those of the record."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, AfterValidator(check_name)]
    revision: Annotated[str, AfterValidator(check_revision)]
    summary: _Text
    task: _Text = Field(min_length=1)
    architecture: _Text = Field(min_length=1)
    parameters: int = Field(gt=0, le=_LARGEST_COUNT)
    license: _Text = Field(min_length=1)
    metrics: dict[_Text, float]
    n: int = Field(ge=0, le=_LARGEST_COUNT)
    files: Annotated[dict[str, _Digest], AfterValidator(check_paths), Field(min_length=1, max_length=MOST_FILES)]
    sizes: dict[str, _Bytes]
    details: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _every_file_has_a_size(self) -> CardRecord:
        if self.sizes.keys() != self.files.keys():
            raise ValueError("'sizes' must name exactly the files that 'files' names")
        return self

    def card(self) -> ZooCard:
        """The record that sources hand out."""
        return ZooCard(**{name: getattr(self, name) for name in CardRecord.model_fields})


def card_from_json(data: Mapping[str, Any], where: str = "") -> ZooCard:
    """Read a card.

    Args:
        data: The parsed JSON object.
        where: What to call it in messages.

    Raises:
        ConfigError: If a key is unknown, missing, of another type, or unsafe.
    """
    return validate(CardRecord, data, where).card()


def card_to_json(card: ZooCard) -> dict[str, Any]:
    """The JSON form of a card; ``card_from_json`` is its inverse.

    Raises:
        ConfigError: If the card does not hold to the rules of an index.
    """
    return validate(CardRecord, card_as_data(card)).model_dump(mode="json")
