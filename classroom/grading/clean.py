"""Make what a student wrote fit for a teacher's eyes: text, and pictures encoded anew.

Runs in the examiner, a process that no student code has touched. HTML in Markdown is
rendered and cleaned with nh3; of outputs only text and PNG pictures remain; metadata,
attachments and raw cells of a student's own do not.
"""

import base64
import binascii
import io
import re

import nh3

MOST_PIXELS, MOST_TEXT = 4_000_000, 400_000
_TAGS = {
    *(
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "b",
        "i",
        "u",
        "s",
        "del",
        "sub",
        "sup",
        "code",
        "pre",
        "kbd",
        "blockquote",
    ),
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "a",
        "span",
        "div",
        "details",
        "summary",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "caption"),
}
_IGNORE = '<div class="tex2jax_ignore mathjax_ignore">'


def text(value, most=MOST_TEXT):
    """A string that can be printed, stored and sent: no half surrogates, no control characters."""
    value = value if type(value) is str else ""
    value = value[:most].encode("utf-8", "backslashreplace").decode()
    return re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]",
        "\N{REPLACEMENT CHARACTER}",
        value,
    )


def line(value, most=300):
    """`value` as a part of one line of a Markdown list: no line ends, no marks that mean something.

    What is escaped already stays as it is, so that a line may be put together of such parts.
    """
    flat = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text(str(value), 4 * most)).split())[:most]
    marks = r"[\\`*_\[\]<>#|~&]"
    escaped = re.sub(rf"\\{marks}|{marks}", lambda m: m[0] if len(m[0]) == 2 else "\\" + m[0], flat)
    return escaped.replace("://", ":\u200b//")


def outputs(items, budget):
    """A cell's outputs as nbformat has them; `budget`: a list with the bytes that are left, in place."""
    found = []
    for item in items[:200] if type(items) is list else ():
        made = _output(item) if type(item) is list and item else None
        if made is None:
            continue
        budget[0] -= len(str(made))
        if budget[0] < 0:
            found.append(_stream("[more outputs were cut off here]\n"))
            break
        found.append(made)
    return found


def _output(item):
    kind, *parts = item
    if kind == "stream" and len(parts) == 1:
        return _stream(text(parts[0]))
    if kind == "error" and len(parts) == 3:
        name, value, trace = (text(part, 20_000) for part in parts)
        return {"output_type": "error", "ename": name, "evalue": value, "traceback": trace.split("\n")}
    if kind == "data" and len(parts) == 2:
        data = {"text/plain": text(parts[0])} if parts[0] else {}
        if parts[1]:
            picture = png(parts[1])
            data |= {"image/png": picture} if picture else {}
            data.setdefault("text/plain", "[a picture that can not be shown]")
        return {"output_type": "display_data", "data": data, "metadata": {}} if data else None
    return None


def _stream(value):
    return {"output_type": "stream", "name": "stdout", "text": value}


def png(data):
    """A PNG picture (base64 text or bytes) decoded and encoded anew, as base64 text; "" if it is none."""
    from PIL import Image

    try:
        raw = base64.b64decode(data, validate=False) if type(data) is str else data
        with Image.open(io.BytesIO(raw), formats=("PNG",)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return ""
            plain = picture.convert("RGBA")
        out = io.BytesIO()
        Image.frombytes("RGBA", plain.size, plain.tobytes()).save(out, "PNG")
    except (
        OSError,
        ValueError,
        SyntaxError,
        TypeError,
        binascii.Error,
        Image.DecompressionBombError,
        MemoryError,
    ):
        return ""
    return base64.b64encode(out.getvalue()).decode()


def markdown(source):
    """A student's Markdown as one line of clean HTML, which Markdown leaves as it is."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    source = text(source).replace("attachment:", "")
    try:
        html = markdown2html_mistune(re.sub(r"(?<![\\$])\$", r"\\$", source))
    except Exception:  # the renderer gave up: the text as it stands is always right
        html = "<pre>" + nh3.clean_text(source) + "</pre>"
    html = nh3.clean(
        html,
        tags=_TAGS,
        attributes={
            "a": {"href"},
            "ol": {"start"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
        },
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
    # A blank line would end the block of HTML, and what follows be read as Markdown again.
    return _IGNORE + html.strip().replace("\n", "&#10;").replace("\r", "") + "</div>"


def notebook(nb, trusted=()):
    """Clean every cell of a notebook (nbformat 4) in place. `trusted`: Markdown of the teacher's own."""
    trusted = set(trusted)
    for key in set(nb.metadata) - {"kernelspec", "language_info", "classroom"}:
        del nb.metadata[key]
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(nb.cells):
        about = cell.metadata.get("nbgrader")
        cell.metadata = type(cell.metadata)({"nbgrader": about} if about else {})
        cell["id"] = f"cell-{number}"
        cell.pop("attachments", None)
        cell.source = text(cell.source)
        if cell.cell_type == "raw":
            cell.cell_type = "markdown"
            cell.source = (
                _IGNORE + "<pre>" + nh3.clean_text(cell.source).replace("\n", "&#10;") + "</pre></div>"
            )
        elif cell.cell_type == "markdown" and cell.source not in trusted:
            cell.source = markdown(cell.source)
    return nb
