"""The description of ``/predict`` in ``/openapi.json``; the body is read by hand, for the sake of its messages."""

from __future__ import annotations

from typing import Any

_TEXT = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}]}
_REQUEST = {
    "type": "object",
    "required": ["texts"],
    "additionalProperties": False,
    "properties": {
        "texts": {"type": "array", "minItems": 1, "items": _TEXT},
        "truncation": {"type": "boolean", "default": True},
    },
}
_PREDICTION = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "scores": {"type": "object", "additionalProperties": {"type": "number"}},
    },
}
_ANSWER = {
    "type": "object",
    "properties": {
        "predictions": {"type": "array", "items": _PREDICTION},
        "truncated": {"type": "array", "items": {"type": "integer"}},
    },
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}
    },
}
_REFUSED = {
    "400": "The body is no JSON.",
    "408": "The body came too slowly.",
    "413": "The body, a text or the number of texts is too large.",
    "422": "Something in the body is no text.",
    "429": "Too much is waiting; try again after Retry-After seconds.",
}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


PREDICT: dict[str, Any] = {
    "requestBody": {"required": True, "content": _content(_REQUEST)},
    "responses": {
        "200": {"description": "One prediction a text, in their order.", "content": _content(_ANSWER)},
        **{status: {"description": text, "content": _content(_ERROR)} for status, text in _REFUSED.items()},
    },
}
