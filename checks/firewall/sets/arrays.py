"""numpy, loaded when the first packet set is computed: most scans need none, and loading it would slow every start."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]
else:
    Numbers = Rows = Flags = Any

__all__ = ["Flags", "Numbers", "Rows", "np"]


class _Numpy:
    """Stands for numpy, and imports it when something of it is asked for; keeps what was asked for."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module("numpy"), name)
        setattr(self, name, value)
        return value


if not TYPE_CHECKING:
    np = _Numpy()
