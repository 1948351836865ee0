"""Arrays: the array types that signatures speak of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
DateArray = npt.NDArray[np.datetime64]
