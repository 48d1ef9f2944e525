"""numpy, loaded when the first packet set is computed: most scans need none, and loading it would slow every start."""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
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


def _at_first_use(name: str) -> ModuleType:
    """The module `name`, imported when one of its attributes is asked for. Raises ImportError when there is none."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is not installed")
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if not TYPE_CHECKING:
    np = _at_first_use("numpy")
