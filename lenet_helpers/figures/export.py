"""HTML export that keeps what pictures say: nbconvert's default template drops alternative texts.

`make lab` uses it for File, Save and Export; in a shell::

    jupyter nbconvert --to html
    --HTMLExporter.preprocessors=lenet_helpers.figures.export.AlternativeTexts chapter.ipynb
"""

import html

from nbconvert.preprocessors import Preprocessor

WIDGET = "application/vnd.jupyter.widget-view+json"


class AlternativeTexts(Preprocessor):
    """Write each picture that has a text as an <img> with that text; a live widget gives way to its
    picture.
    """

    enabled = True

    def preprocess_cell(self, cell, resources, index):
        """Change the pictures of one cell; nbconvert calls this."""
        for output in cell.get("outputs", []):
            data, alt = output.get("data", {}), output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt and "image/png" in data:
                data.pop(WIDGET, None)
                data["text/html"] = (
                    f'<img src="data:image/png;base64,{data["image/png"].strip()}" '
                    f'alt="{html.escape(alt, quote=True)}" style="max-width: 100%">'
                )
        return cell, resources
