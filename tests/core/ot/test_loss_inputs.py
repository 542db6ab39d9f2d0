"""Each refusal says what must hold and what was found."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import ConfigError, LossInputError
from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import SinkdOptions

pytestmark = pytest.mark.usefixtures("each_engine")

GOOD = torch.zeros(4, 3)


def with_row(row: int, *entries: float) -> torch.Tensor:
    logits = GOOD.clone()
    logits[row] = torch.tensor(entries)
    return logits


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        (GOOD, torch.zeros(4, 2), r"one shape.*\(4, 3\) and \(4, 2\).*same classes"),
        (torch.zeros(2, 4, 3), torch.zeros(2, 4, 3), r"matrix.*\(2, 4, 3\).*Flatten"),
        (torch.zeros(3), torch.zeros(3), r"matrix.*\(3,\)"),
        (torch.zeros(4, 0), torch.zeros(4, 0), r"at least one class.*\(4, 0\)"),
        (GOOD, GOOD.to("meta"), "one device.*cpu and meta.*Move"),
        (GOOD.long(), GOOD.long(), r"student_logits must hold floating-point.*int64.*\.float\(\)"),
        (with_row(2, math.nan, 0, 0), GOOD, "row of student_logits.*bad rows 2 of 4.*overflow"),
        (GOOD, with_row(1, 0, math.inf, 0), "row of teacher_logits.*bad rows 1 of 4"),
        (with_row(3, *[-math.inf] * 3), GOOD, "row of student_logits.*bad rows 3 of 4"),
        (torch.full((12, 2), math.nan), torch.zeros(12, 2), "bad rows 0, 1, 2, 3, 4, 5, 6, 7 and 4 more of 12"),
    ],
)
def test_unusable_logits(student: torch.Tensor, teacher: torch.Tensor, message: str) -> None:
    with pytest.raises(LossInputError, match=message):
        SinkhornLoss()(student, teacher)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "'temperature'.*greater than 0"),
        ({"temperature": math.inf}, "'temperature'.*finite"),
        ({"regularization": 9e-4}, r"'regularization'.*0\.001"),
        ({"iterations": 0}, "'iterations'.*greater than or equal to 1"),
        ({"iterations": 10_001}, "'iterations'.*10000"),
        ({"p": 3}, "'p'.*1, 2 or 'inf'"),
        ({"reduction": "none"}, "'reduction'.*'mean' or 'sum'"),
        ({"cost": "sliced"}, "'cost'.*'batch', 'flattened' or 'sample'"),
        ({"rows": "both"}, "'rows'.*'student' or 'teacher'"),
        ({"weight": -1}, "'weight'.*greater than or equal to 0"),
        ({"regularisation": 0.1}, "Unknown key 'regularisation'. Did you mean 'regularization'"),
    ],
)
def test_options_outside_their_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(SinkdOptions, options)
