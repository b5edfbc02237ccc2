"""Search a released notebook for what must not be in it: solution lines, hidden tests, outputs."""

import json
import re

_BEGIN_END = (("BEGIN SOLUTION", "END SOLUTION"), ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS"))


def secrets_of(source):
    """Lines of a source notebook that students must not see: of solutions, hidden tests and solution outputs.

    A line that also stands in an open part of the notebook is no secret; neither is one
    that says nothing (a lone bracket, `else:`).
    """
    secret, public = set(), set()
    for cell in source.cells:
        hidden, whole = None, _is_whole_solution(cell)
        for line in cell.source.split("\n"):
            for begin, end in _BEGIN_END:
                if begin in line:
                    hidden = end
            marker = any(word in line for pair in _BEGIN_END for word in pair)
            if not marker:
                (secret if hidden or whole else public).add(line.strip())
            if hidden and hidden in line:
                hidden = None
        for output in cell.get("outputs", []):
            secret |= {line.strip() for line in _texts(output)}
    return {line for line in secret - public if len(re.sub(r"\W", "", line)) >= 4}


def _is_whole_solution(cell):
    about = cell.metadata.get("nbgrader", {})
    return about.get("solution") and not about.get("grade") and "BEGIN SOLUTION" not in cell.source


def _texts(output):
    for value in (output.get("text", ""), *output.get("data", {}).values()):
        yield from ("".join(value) if isinstance(value, list) else str(value)).split("\n")


def leaks(source, released):
    """What of `source` (a notebook) is still in `released` (the text of the released file)."""
    strings = list(_strings(json.loads(released)))
    lines = {line.strip() for text in strings for line in text.split("\n")}
    found = [f"the secret line {line!r}" for line in sorted(secrets_of(source) & lines)]
    # A seed or an expected value is a leak wherever it stands, also inside a longer line.
    everything = "\n".join(strings)
    found += [
        f"the hidden number {n}"
        for n in sorted(hidden_numbers(source))
        if re.search(rf"(?<![\d.]){n}(?![\d.])", everything)
    ]
    notebook = json.loads(released)
    found += [f"outputs in cell {i}" for i, cell in enumerate(notebook["cells"]) if cell.get("outputs")]
    return found + [f"the mark {word}" for pair in _BEGIN_END for word in pair if word in everything]


def leaks_in_text(source, text):
    """What of a source notebook's secrets stands in the text of another released file."""
    lines = {line.strip() for line in text.split("\n")}
    secret = {line for line in secrets_of(source) if len(line) >= 24}
    return [f"the secret line {line!r}" for line in sorted(secret & lines)]


def hidden_numbers(source):
    """Numbers of four digits and more in hidden tests: seeds and expected values."""
    numbers = set()
    for cell in source.cells:
        for part in re.findall(r"BEGIN HIDDEN TESTS(.*?)END HIDDEN TESTS", cell.source, re.S):
            numbers |= set(re.findall(r"\d{4,}", part))
    return numbers


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
