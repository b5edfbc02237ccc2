"""Lines of a fixed width, where a Chinese character takes two columns and a line may break after any."""

import re
import unicodedata

# A run of spaces, one wide character with the closing marks that may not begin a line, or a word.
_PIECES = re.compile(r"\s+|[⺀-鿿豈-﫿＀-￯“‘（「][、。，．：；！？）」』】》”’]*|[^\s⺀-鿿豈-﫿＀-￯「]+")


def display_width(text: str) -> int:
    """Columns that `text` takes in a fixed font: two for each wide (Chinese) character, else one."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def wrap(text: str, columns: int) -> list[str]:
    """`text` in lines at most `columns` wide; Chinese breaks between any two characters, a word never."""
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        blank = piece.isspace()
        if line and not blank and display_width(line + piece) > columns:
            lines.append(line.rstrip())
            line = ""
        line += (" " if line else "") if blank else piece
    return [*lines, line.rstrip()] if line.strip() else lines
