"""Ten stylised digits, 7 pixels wide and 12 high: the targets of LeNet-5's output units.

The paper prints its bitmaps only as a figure (its Fig. 3), so these are drawn anew in
the same spirit: digits that look alike get codes that lie close to each other, and
every code mixes +1 (ink) and −1 (paper), which keeps the units of F6 away from the
flat ends of their squashing function.
"""

import torch

_BITMAPS = """
..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# ....##. #...... .#..... ......# #.....# #.....#
#.....# .###... ......# ......# ...#.#. #...... #...... ......# #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# .....#. .#...#. ######. #.####. .....#. .#...#. #....##
#.....# ...#... .....#. ..###.. #....#. ......# ##....# ....#.. ..###.. .####.#
#.....# ...#... ....#.. .....#. #....#. ......# #.....# ....#.. .#...#. ......#
#.....# ...#... ...#... ......# ####### ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ..#.... #.....# .....#.
.#...#. ...#... #...... #.....# .....#. #.....# .#...#. ..#.... #.....# .....#.
..###.. .#####. ####### .#####. .....#. .#####. ..###.. ..#.... .#####. .####..
"""


def digit_codes() -> torch.Tensor:
    """The ten codes as a float tensor (10, 84) of −1 and +1; row d is the 12×7 bitmap of digit d."""
    lines = [line.split() for line in _BITMAPS.strip().splitlines()]
    pixels = [[1.0 if dot == "#" else -1.0 for line in lines for dot in line[digit]] for digit in range(10)]
    return torch.tensor(pixels)
