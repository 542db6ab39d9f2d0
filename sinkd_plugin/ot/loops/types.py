"""What the loops take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""C-contiguous, of one type within a call: float32 or float64."""
