"""What servers need of the suite and of Jupyter, and no more: they draw nothing and train nothing."""

import sys
import types
from importlib.util import find_spec


def light():
    """Let modules of `lenet_helpers` be imported alone from now on: whole, the package loads torch, which
    takes two seconds and 400 MB. And spare Jupyter a second: jsonschema would read a grammar of
    international addresses, a format that no schema of Jupyter's asks for.
    """
    package = types.ModuleType("lenet_helpers")
    package.__path__ = list(find_spec("lenet_helpers").submodule_search_locations)
    sys.modules["lenet_helpers"] = package
    sys.modules.setdefault("rfc3987_syntax", None)
