"""How the interactive figures are laid out: one style sheet, carried by each of them.

Labels stand above their controls, so that a slider has its column's whole width; columns are as many as
fit. Where the kernel has gone, controls give way to one sentence and the last picture stays.
"""

import html

import ipywidgets as w

from ...wording import _

_SHEET = """
.lenet-explorer, .lenet-quiz { max-width: 960px; overflow: visible; }
.lenet-panel {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 215px), 1fr));
  gap: 2px 20px; align-items: end; width: 100%; overflow: visible;
}
.lenet-control {
  flex-wrap: wrap; height: auto !important; width: auto !important; margin: 0; overflow: visible;
}
.lenet-control > .widget-label, .lenet-control > label {
  flex: 1 0 100%; width: 100% !important; height: auto; line-height: 1.35; text-align: left;
  white-space: normal; padding: 2px 0 0;
}
.lenet-control > .slider-container { flex: 1 1 110px; min-width: 110px; }
.lenet-control > .widget-readout { min-width: 3.2em; text-align: right; }
.lenet-control > select, .lenet-control > input { flex: 1 1 100%; min-width: 0; height: 28px; }
.lenet-control.widget-checkbox > label, .lenet-control.widget-checkbox > .widget-label-basic {
  flex: 1 1 auto; width: auto !important;
}
.lenet-explorer button, .lenet-quiz button { align-self: start; justify-self: start; flex-shrink: 0; }
.lenet-lever-group { margin: 2px 2px 0; height: auto; }
.lenet-lever-group > .widget-html-content { line-height: 1.35; }
.lenet-go { flex-flow: row wrap; align-items: flex-end; gap: 2px 8px; overflow: visible; }
.lenet-go > .lenet-control { flex: 0 1 280px; }
.lenet-go > button { align-self: end !important; }
.lenet-overlay { flex-wrap: wrap; height: auto; }
.lenet-overlay > select { min-width: 200px; }
.lenet-wide { grid-column: 1 / -1; flex-flow: row wrap; }
.lenet-explorer img.lenet-picture {
  max-width: calc(100% - 4px); height: auto; border-radius: 4px; align-self: flex-start;
  box-sizing: border-box;
}
.lenet-stale { opacity: 0.35; filter: grayscale(1); }
.lenet-radio { height: auto !important; align-items: flex-start; flex-wrap: wrap; overflow: visible; }
.lenet-radio > .widget-label { width: auto !important; }
.lenet-radio .widget-radio-box {
  height: auto !important; max-width: 60em; flex-flow: row wrap; gap: 0 20px; overflow: visible;
  padding: 0 4px;
}
.lenet-quiz .lenet-radio .widget-radio-box { flex-flow: column nowrap; }
.lenet-radio .widget-radio-box label {
  height: auto !important; white-space: normal; line-height: 1.4; margin: 3px 0; overflow: visible;
  display: flex; align-items: flex-start;
}
.lenet-radio .widget-radio-box label > input { order: -1; flex: none; margin: 0 6px 0 3px; }
.lenet-explorer, .lenet-quiz { --lenet-ring: var(--jp-brand-color1, #0072B2); }
[data-jp-theme-light=false] :is(.lenet-explorer, .lenet-quiz) { --lenet-ring: #90caf9; }
.lenet-radio input:focus-visible { outline: 2px solid var(--lenet-ring); outline-offset: 2px; }
/* inside, where no box around it can cut it off; light within dark, so that it is seen on any button */
.lenet-explorer .noUi-handle:focus-visible {
  outline: 2px solid var(--lenet-ring) !important; outline-offset: -2px;
}
:is(.lenet-explorer, .lenet-quiz) :is(button, select, input[type=text], input[type=number]):focus-visible {
  box-shadow: inset 0 0 0 2px var(--lenet-ring), inset 0 0 0 3px var(--jp-layout-color1, #fff) !important;
}
.lenet-verdict:focus { outline: none; }
.lenet-verdict:focus-visible { outline: 2px solid var(--lenet-ring); outline-offset: 2px; }
.lenet-verdict summary { cursor: pointer; }
[data-jp-theme-light=false] .lenet-explorer select { color-scheme: dark; }
[data-jp-theme-light=false] .lenet-explorer select:not([multiple]) {
  appearance: none; background-repeat: no-repeat; background-position: right 8px center;
  background-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='12' \
height='8'%3E\
%3Cpath d='M1 1l5 5 5-5' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E") !important;
}
[data-jp-theme-light=false] .lenet-explorer img.lenet-picture {
  padding: 6px; background: #fff; border-radius: 8px; filter: brightness(0.9);
}
[data-jp-theme-light=false] .lenet-explorer canvas { /* no padding: where the pointer is, is reckoned */
  margin: 6px; box-shadow: 0 0 0 6px #fff; max-width: calc(100% - 12px) !important; filter: brightness(0.9);
}
.lenet-gone { display: none; }
.jupyter-widgets-disconnected.lenet-explorer::before, .lenet-explorer .jupyter-widgets-disconnected::before,
.jupyter-widgets-disconnected.lenet-quiz::before, .lenet-quiz .jupyter-widgets-disconnected::before {
  content: none !important; display: none !important;
}
.lenet-explorer.jupyter-widgets-disconnected .lenet-live,
.lenet-explorer.jupyter-widgets-disconnected .lenet-below,
.lenet-quiz.jupyter-widgets-disconnected button,
.lenet-progress.jupyter-widgets-disconnected { display: none !important; }
.jupyter-widgets-disconnected > .lenet-gone { display: block; }
"""


def style_sheet():
    """The style sheet as a widget; put it into every box of class lenet-explorer or lenet-quiz."""
    return w.HTML(f"<style>{_SHEET}</style>", layout=w.Layout(display="none"))


def gone():
    """What stands in place of the controls once the kernel that drew them has gone."""
    said = html.escape(_("The kernel has restarted: run this cell again to get the controls back."))
    notice = w.HTML(f'<p style="margin:4px 0"><b>{said}</b></p>')
    notice.add_class("lenet-gone")
    return notice
