"""Pages without a kernel: what pictures say is kept, and outcomes are folded away until they are asked for.

`make lab` uses `AlternativeTexts` for File, Save and Export; in a shell::

    jupyter nbconvert --to html
    --HTMLExporter.preprocessors=lenet_helpers.figures.export.AlternativeTexts chapter.ipynb
"""

import html

from nbconvert.preprocessors import Preprocessor

from .canvas import OUTCOME, WIDGET


class AlternativeTexts(Preprocessor):
    """Write each picture that has a text as an <img> with that text; a live widget gives way to its
    picture, and what it holds back is folded away below.
    """

    enabled = True

    def preprocess_cell(self, cell, resources, index):
        """Change the pictures of one cell; nbconvert calls this."""
        for output in cell.get("outputs", []):
            data, alt = output.get("data", {}), output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt and "image/png" in data:
                data.pop(WIDGET, None)
                data["text/html"] = _image(data["image/png"], alt)
        if "outputs" in cell:
            cell.outputs = with_outcomes_folded(cell.outputs)
        return cell, resources


def keep_stills(model, **_unused):
    """For Jupyter's `pre_save_hook`: a saved notebook holds pictures where figures were live.

    What is opened again has no kernel that knows them: their pictures say how to go on, where JupyterLab
    would show "Loading widget" for ever.
    """
    if model.get("type") != "notebook":
        return
    for cell in model["content"].get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if {"image/png", "text/html"} & set(data):
                data.pop(WIDGET, None)


def with_outcomes_folded(outputs):
    """The outputs of a cell, each outcome in a fold of its own after the picture that holds it back."""
    kept = []
    for output in outputs:
        outcome = output.get("data", {}).pop(OUTCOME, None)
        kept.append(output)
        if outcome:
            picture = _image(outcome["png"], outcome["sentence"])
            fold = (
                f"<details><summary>{html.escape(outcome['summary'])}</summary>{picture}"
                f"<p>{html.escape(outcome['sentence'])}</p></details>"
            )
            shown = {"text/html": fold, "text/plain": outcome["sentence"]}
            kept.append(type(output)(output_type="display_data", metadata={}, data=shown))
    return kept


def _image(code, alt):
    return (
        f'<img src="data:image/png;base64,{code.strip()}" alt="{html.escape(alt, quote=True)}"'
        ' style="max-width: 100%">'
    )
