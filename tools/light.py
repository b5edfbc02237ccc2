"""The suite's light modules without torch, for servers, which draw nothing: two seconds and 400 MB less."""

import sys
import types
from importlib.util import find_spec


def without_torch():
    """Let modules of `lenet_helpers` be imported alone from now on: whole, the package loads torch."""
    package = types.ModuleType("lenet_helpers")
    package.__path__ = list(find_spec("lenet_helpers").submodule_search_locations)
    sys.modules["lenet_helpers"] = package
