"""Keep translations true to the English: messages, questions and chapters.

    python -m tools.translations             # make translations: update what there is, list what is to do
    python -m tools.translations --check     # list alone; exits with 1 where anything is to do

A translated chapter has the cells of the English one, with the same ids. Code cells are equal but
for the one tagged `language`; each translated Markdown cell carries, as `translated_from` in its
metadata, the digest of the English text that it was made from. A new cell comes as English marked
`untranslated`. Assignments are kept like chapters where there is a folder `classroom/source-<language>`.
Messages are gettext catalogues, `lenet_helpers/locale/<language>/LC_MESSAGES/*.po`; `make translations`
compiles them. Questions are YAML files with the ids of the English ones.
"""

import argparse
import ast
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

import nbformat
import yaml
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from lenet_helpers.wording import DOMAIN

ROOT = Path(__file__).parents[1]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "pgettext": ((1, "c"), 2)}
# What may not differ between two languages, however the sentence runs.
SAME = {
    "formulas": re.compile(r"\$\$[^$]+\$\$|\$[^$]+\$"),
    "code": re.compile(r"`[^`\n]+`"),
    "links": re.compile(r"\]\(([^)\s]+)\)"),
    "numbers": re.compile(r"(?<![\w.,])[-−+]?\d[\d,.]*\d|(?<![\w.])\d(?!\w|\.\d)"),
}
FIELD = re.compile(r"\{[^{}]*\}")


# Chapters ------------------------------------------------------------------------------------


def digest(text):
    """What tells whether an English text has changed since it was translated."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def chapter_problems(english, translated):
    """What is to do before `translated` is the same chapter as `english`: (cell id, sentence) each."""
    ours, theirs = [c.id for c in english.cells], [c.id for c in translated.cells]
    if ours != theirs:
        different = next(a or b for a, b in zip([*ours, None], [*theirs, None]) if a != b)
        return [(different, "cells are missing, left over or in another order")]
    problems = []
    for source, cell in zip(english.cells, translated.cells):
        if cell.cell_type != source.cell_type:
            problems.append((cell.id, "another type of cell"))
        elif cell.metadata.get("nbgrader") != source.metadata.get("nbgrader"):
            problems.append((cell.id, "other marks of nbgrader"))
        elif cell.cell_type == "code":
            if cell.source != source.source and "language" not in source.metadata.get("tags", []):
                problems.append((cell.id, "other code"))
        elif cell.metadata.get("untranslated"):
            problems.append((cell.id, "untranslated"))
        elif cell.metadata.get("translated_from") != digest(source.source):
            problems.append((cell.id, "stale: the English has changed since"))
        else:
            problems += [(cell.id, f"other {kind}") for kind in differing(source.source, cell.source)]
    return problems


def differing(source, translation):
    """The kinds of things, among formulas, code, links and numbers, that two texts don't share."""
    found = []
    for kind, pattern in SAME.items():
        pair = [Counter(pattern.findall(text)) for text in (source, translation)]
        if kind == "numbers":  # those in code, formulas and links are compared there
            stripped = [_without(text) for text in (source, translation)]
            pair = [Counter(n.strip(".,") for n in pattern.findall(text)) for text in stripped]
        if pair[0] != pair[1]:
            found.append(kind)
    return found


def _without(text):
    for kind in ("formulas", "code", "links"):
        text = SAME[kind].sub(" ", text)
    return text


def update_chapter(english, translated):
    """`translated` with the cells of `english`: code copied, new cells marked, what was translated kept."""
    have = {cell.id: cell for cell in translated.cells}
    cells = []
    for source in english.cells:
        old = have.get(source.id)
        if old is None or old.cell_type != source.cell_type:
            new = nbformat.from_dict(source)
            if new.cell_type == "markdown":
                new.metadata["untranslated"] = True
            cells.append(new)
            continue
        if source.cell_type == "code" and "language" not in source.metadata.get("tags", []):
            if old.source != source.source:
                old.outputs, old.execution_count = source.outputs, source.execution_count
            old.source, old.metadata = source.source, source.metadata
        elif "nbgrader" in source.metadata:  # an assignment's text to answer in words
            old.metadata["nbgrader"] = source.metadata["nbgrader"]
        cells.append(old)
    translated.cells = cells
    return translated


# Messages ------------------------------------------------------------------------------------


def messages(root=ROOT):
    """Babel's catalogue of every string that the package and make's helpers mark for translation."""
    catalogue = Catalog(project=DOMAIN)
    for folder in (root / "lenet_helpers", root / "tools"):
        found = extract_from_dir(
            folder, [("**.py", "python")], keywords=KEYWORDS, comment_tags=["Translators:"]
        )
        for file, line, message, comments, context in found:
            catalogue.add(message, locations=[(file, line)], auto_comments=comments, context=context)
    return catalogue


def unmarked(package=ROOT / "lenet_helpers"):
    """(file, line) of every marked text that Babel cannot see or gettext would misread."""
    bad = []
    for path in sorted(Path(package).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        declared = {id(n) for n in ast.walk(tree) if isinstance(n, ast.Call) and _name(n) == "N_"}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):  # a text within an f-string; a name that N_ declared is fine
                bad += [(path.name, n.lineno) for n in ast.walk(node) if _is_text(n)]
            if not isinstance(node, ast.Call) or _name(node) not in KEYWORDS or not node.args:
                continue
            text = node.args[-1]
            constant = isinstance(text, ast.Constant)
            # `_(label)` translates what N_ declared elsewhere; an empty or a put-together text is nobody's.
            if (constant and not text.value) or isinstance(text, (ast.JoinedStr, ast.BinOp)):
                bad.append((path.name, node.lineno))
            if id(node) in declared and not constant:
                bad.append((path.name, node.lineno))
    return bad


def _is_text(node):
    return (
        isinstance(node, ast.Call)
        and _name(node) == "_"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
    )


def _name(call):
    return call.func.id if isinstance(call.func, ast.Name) else ""


def message_problems(template, translated):
    """What is to do in a catalogue: missing, fuzzy, or with other {fields} than the English."""
    problems = []
    for message in template:
        if not message.id:
            continue
        there = translated.get(message.id, message.context)
        if there is None or not there.string:
            problems.append((message.id, "untranslated"))
        elif there.fuzzy:
            problems.append((message.id, "fuzzy: the English has changed since"))
        elif Counter(FIELD.findall(message.id)) != Counter(FIELD.findall(there.string)):
            problems.append((message.id, "other fields"))
    return problems


# Questions -----------------------------------------------------------------------------------


def question_problems(english, translated):
    """What differs between two question files, parsed, besides the words."""

    def skeleton(questions):
        return [
            (q["id"], q["section"], [(o["id"], bool(o.get("correct"))) for o in q["options"]])
            for q in questions
        ]

    return [
        (a[0] if a else b[0], "another question, option or right answer")
        for a, b in zip(*_padded(skeleton(english), skeleton(translated)))
        if a != b
    ]


def _padded(a, b):
    n = max(len(a), len(b))
    return a + [None] * (n - len(a)), b + [None] * (n - len(b))


# All of it -----------------------------------------------------------------------------------


def languages(root=ROOT):
    """Codes of the languages besides English that have chapters, messages or questions."""
    folders = [root / "notebooks", root / "lenet_helpers" / "locale", root / "lenet_helpers" / "quizzes"]
    codes = {path.name for folder in folders if folder.exists() for path in folder.iterdir() if path.is_dir()}
    codes |= {path.name.removeprefix("source-") for path in (root / "classroom").glob("source-*")}
    return sorted(code for code in codes if re.fullmatch(r"[a-z]{2}", code) and code != "en")


def notebook_pairs(root, code):
    """(English, translated) paths of chapters, and of assignments where a folder waits for them."""
    for source in sorted((root / "notebooks" / "en").glob("*.ipynb")):
        yield source, root / "notebooks" / code / source.name
    folder = root / "classroom" / f"source-{code}"
    for source in sorted((root / "classroom" / "source").glob("*/*.ipynb")) if folder.is_dir() else ():
        yield source, folder / source.parent.name / source.name


def problems(root=ROOT, update=False):
    """Everything that is to do, a line each; with `update`, what a machine can do is done first."""
    found, template = [], messages(root)
    for code in languages(root):
        for source, target in notebook_pairs(root, code):
            english = nbformat.read(source, as_version=4)
            translated = nbformat.read(target, as_version=4) if target.exists() else _empty(english)
            if update:
                target.parent.mkdir(parents=True, exist_ok=True)
                nbformat.write(update_chapter(english, translated), target)
            found += [
                f"{code}/{source.name}: {i}: {what}" for i, what in chapter_problems(english, translated)
            ]
        po = root / "lenet_helpers" / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po"
        catalogue = Catalog(locale=code, domain=DOMAIN)
        if po.exists():
            with open(po, "rb") as file:
                catalogue = read_po(file, locale=code, domain=DOMAIN)
        if update:
            catalogue.update(template)
            po.parent.mkdir(parents=True, exist_ok=True)
            with open(po, "wb") as file:
                write_po(
                    file, catalogue, width=100, ignore_obsolete=True, include_lineno=False, sort_output=True
                )
            with open(po.with_suffix(".mo"), "wb") as file:
                write_mo(file, catalogue)
        found += [f"{code}: {text[:60]!r}: {what}" for text, what in message_problems(template, catalogue)]
        for source in sorted((root / "lenet_helpers" / "quizzes" / "en").glob("*.yaml")):
            target = root / "lenet_helpers" / "quizzes" / code / source.name
            pair = [yaml.safe_load(p.read_text("utf-8")) if p.exists() else [] for p in (source, target)]
            found += [f"{code}/{source.name}: {i}: {what}" for i, what in question_problems(*pair)]
    return found


def _empty(english):
    return nbformat.v4.new_notebook(metadata=english.metadata)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.translations", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 where anything is to do"
    )
    check = parser.parse_args(arguments).check
    found = problems(update=not check)
    print("\n".join(found) if found else "Nothing is to do.")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
