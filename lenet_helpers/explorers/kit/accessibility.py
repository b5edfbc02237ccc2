"""What ipywidgets leaves out for keyboards and screen readers: names of sliders and pictures, and arrow keys.

JupyterLab takes the arrow keys, and all letters, for commands to the notebook wherever the
focus is not on a text box: on a list or on radio buttons too. The attribute tells it not to.
"""

import anywidget
import traitlets as T

_NAME_THEM = """
const WORKED_IN = "input, select, textarea, button, a[href], canvas, [contenteditable], .noUi-handle";
const LEAVING = ".lenet-predict-commit, .lenet-predict-skip";
function name(model, el) {
  const root = el.closest(".lenet-explorer, .lenet-quiz");
  if (!root) return;
  for (const handle of root.querySelectorAll(".noUi-handle")) {
    const label = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label");
    if (label) handle.setAttribute("aria-label", label.textContent);
    // ipywidgets speaks the position in a list; what is meant is what the readout shows.
    const readout = handle.closest(".widget-inline-hbox")?.querySelector(".widget-readout");
    const speak = () => {
      if (handle.getAttribute("aria-valuetext") !== readout.textContent)
        handle.setAttribute("aria-valuetext", readout.textContent);
    };
    if (readout && !readout.lenetSpoken) {
      readout.lenetSpoken = new MutationObserver(speak);
      readout.lenetSpoken.observe(readout, { childList: true, characterData: true, subtree: true });
      readout.lenetSpoken.observe(handle, { attributes: true, attributeFilter: ["aria-valuetext"] });
    }
    if (readout) speak();
  }
  for (const control of root.querySelectorAll("select, input[type=radio], .noUi-handle"))
  control.dataset.lmSuppressShortcuts = "true";
  for (const picture of root.querySelectorAll("img.lenet-picture")) picture.alt = model.get("text");
}
export default {
  render({ model, el }) {
    el.style.display = "none";
    const again = () => name(model, el);
    // Its neighbours are drawn at their own time, some of them after it.
    for (const wait of [0, 100, 500, 2000]) setTimeout(again, wait);
    model.on("change:text", again);
    // Where the focus goes when what held it is hidden: once the page has drawn what is new. Who has
    // gone on to another control in the meantime keeps the focus there.
    model.on("msg:custom", ({ focus }) => setTimeout(() => {
      const held = document.activeElement;
      if (held.matches(WORKED_IN) && held.checkVisibility() && !held.closest(LEAVING)) return;
      const place = el.closest(".lenet-explorer, .lenet-quiz")?.querySelector(focus);
      if (!place) return;
      place.tabIndex = -1;
      place.focus({ preventScroll: true });
    }, 50));
  },
};
"""


class Labels(anywidget.AnyWidget):
    """Invisible. Inside a box of class lenet-explorer or lenet-quiz; `text` becomes its picture's
    alternative text.
    """

    _esm = _NAME_THEM
    text = T.Unicode("").tag(sync=True)

    def move_focus(self, selector):
        """Put the keyboard's focus on the box's first element that the CSS `selector` finds."""
        self.send({"focus": selector})
