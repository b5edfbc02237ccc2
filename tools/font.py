"""Make the Chinese font that comes with the package: `python -m tools.font FILE`.

FILE is NotoSansCJK-Regular.ttc (Debian: fonts-noto-cjk). Kept of it are the commonest characters,
GB 2312's first level, and those of the course's messages; a test says when that has to be done again.
"""

import argparse
import sys
from pathlib import Path

from babel.messages.pofile import read_po
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection

from lenet_helpers.figures.canvas import CHINESE_FONT, CHINESE_NAME
from lenet_helpers.wording import DOMAIN, LOCALES


def used():
    """Every character of the Chinese messages: what a figure can be asked to write."""
    with open(LOCALES / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po", "rb") as file:
        return {character for message in read_po(file) for character in message.string}


def common():
    """The 3,755 characters of GB 2312's first level."""
    rows = range(0xB0, 0xD8)
    return {c for a in rows for b in range(0xA1, 0xFF) for c in bytes([a, b]).decode("gb2312", "ignore")}


def make(source, target=CHINESE_FONT):
    """Write the smaller font under a name of its own."""
    collection = TTCollection(source)
    font = next(f for f in collection.fonts if f["name"].getDebugName(1) == "Noto Sans CJK SC")
    options = Options()
    options.layout_features, options.hinting, options.name_IDs = [], False, [0, 1, 2, 4, 6, 13, 14]
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(used() | common()))
    subsetter.subset(font)
    for identity, text in ((1, CHINESE_NAME), (4, CHINESE_NAME), (6, "LeNetHans-Regular")):
        font["name"].setName(text, identity, 3, 1, 0x409)
    cff = font["CFF "].cff
    cff.fontNames = ["LeNetHans-Regular"]
    cff.topDictIndex[0].FullName = cff.topDictIndex[0].FamilyName = CHINESE_NAME
    font.save(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.font", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    make(parser.parse_args(sys.argv[1:]).file)
