// What `accessibility.py` says; one of these is in every figure and quiz.
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

// Of two views of one figure the focus stays in the one that was worked in: which that was is noted here.
const noteHand = ({ target }) => {
  const root = target.closest?.(".lenet-explorer, .lenet-quiz");
  if (root) document.lenetHand = root;
};

const open = () => [...document.querySelectorAll(".jp-NotebookPanel")];

function followAgain(event) {
  const link = event.target.closest?.("a[href*='#cell-id=']");
  if (!link || !event.isTrusted) return;
  const before = open(), other = new AbortController();
  for (const kind of ["pointerdown", "keydown", "wheel"])
    document.addEventListener(kind, () => other.abort(), { signal: other.signal, capture: true });
  let high = -1, calm = 0, looks = 0;
  const look = setInterval(() => {
    const page = open().find((one) => !before.includes(one) && one.checkVisibility());
    const now = page?.querySelector(".jp-RenderedMarkdown")
      ? [...page.querySelectorAll(".jp-Cell")].reduce((sum, cell) => sum + cell.offsetHeight, 0) : -1;
    calm = now > 0 && now === high ? calm + 1 : 0;
    high = now;
    if (calm < 5 && !other.signal.aborted && ++looks < 300) return;
    clearInterval(look);
    if (calm >= 5 && !other.signal.aborted) link.click();
    other.abort();
  }, 100);
}

// After a reload JupyterLab may draw an output before the kernel has told it of its figures, and then leaves
// an error there for good: such outputs are drawn once more.
const VIEW = "application/vnd.jupyter.widget-view+json", FAILED = "Error displaying widget";
async function drawAgain(manager) {
  const shown = [...document.querySelectorAll(".jp-OutputArea-output")];
  if (!shown.some((one) => one.textContent.startsWith(FAILED))) return;
  for (const { outputs } of manager.context?.model?.cells ?? [])
    for (let i = 0; i < (outputs?.length ?? 0); i++) {
      const id = outputs.get(i).data?.[VIEW]?.model_id;
      if (id && manager.has_model(id) && !Object.keys((await manager.get_model(id)).views ?? {}).length)
        outputs.set(i, outputs.get(i).toJSON());
    }
}

// anywidget gives a model two seconds to start, and drops every message to one that took longer: its figure
// would never move. A laptop that is busy, with a training or a page that opens, may need more. A minute,
// then, for all that start from now on; what was given up before is spoken to without anywidget's wait, and
// asks the kernel for what it missed.
function giveTime() {
  const timeout = AbortSignal.timeout;
  AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms === 2000 ? 60_000 : ms);
}

function hearAgain(model) {
  if (model.get("_model_name") !== "AnyModel") return;
  model._handle_comm_msg({ content: { data: {} } }).catch(() => {  // a message that says nothing, as a trial
    const plain = Object.getPrototypeOf(Object.getPrototypeOf(model))._handle_comm_msg;
    model.comm?.on_msg(plain.bind(model));
    model.comm?.send({ method: "request_state" });
  });
}

// While the kernel is at the last move of a slider, ipywidgets holds the next one back, but not what another
// control says: a press of Train would overtake the lever that was moved before it. What is held back goes
// first, whoever speaks next.
let speaking = false;

function keepOrder(model) {
  let widget = model;
  while (!Object.hasOwn(widget, "send_sync_message")) widget = Object.getPrototypeOf(widget);
  if (widget.lenetOrder) return;
  widget.lenetOrder = true;
  const { send, send_sync_message: move } = widget;
  widget.send = function (...said) { tellHeld(this.widget_manager); return send.apply(this, said); };
  widget.send_sync_message = function (...said) {
    tellHeld(this.widget_manager, this);
    return move.apply(this, said);
  };
}

function tellHeld(manager, speaker) {
  if (speaking) return;
  speaking = true;
  for (const one of manager._modelsSync?.values() ?? [])
    if (one !== speaker && one._msg_buffer) {
      one.rememberLastUpdateFor(one.send_sync_message(one._msg_buffer, one._msg_buffer_callbacks));
      one._msg_buffer = one._msg_buffer_callbacks = null;
    }
  speaking = false;
}

export default {
  initialize({ model }) {
    const manager = model.widget_manager, seen = (document.lenetManagers ??= new WeakSet());
    if (manager?.has_model && !seen.has(manager)) {
      seen.add(manager);
      for (const coming of Object.values(manager._models ?? {}))
        for (const done of [hearAgain, keepOrder]) coming.then(done).catch(() => {});
      for (const wait of [500, 1500, 4000, 10000]) setTimeout(() => drawAgain(manager), wait);
    }
    if (document.lenetFollows) return;
    document.lenetFollows = true;
    giveTime();
    document.addEventListener("click", followAgain, true);
    for (const kind of ["focusin", "pointerdown"]) document.addEventListener(kind, noteHand, true);
  },
  render({ model, el }) {
    el.style.display = "none";
    const again = () => name(model, el);
    // Its neighbours are drawn at their own time, some of them after it.
    for (const wait of [0, 100, 500, 2000]) setTimeout(again, wait);
    model.on("change:text", again);
    // Where the focus goes when what held it is hidden: once the page has drawn what is new. Who has
    // gone on to another control in the meantime keeps the focus there.
    model.on("msg:custom", ({ focus }) => setTimeout(() => {
      const held = document.activeElement, root = el.closest(".lenet-explorer, .lenet-quiz");
      if (root !== document.lenetHand && document.lenetHand?.isConnected) return;
      if (held.matches(WORKED_IN) && held.checkVisibility() && !held.closest(LEAVING)) return;
      const place = root?.querySelector(focus);
      if (!place) return;
      place.tabIndex = -1;
      place.focus({ preventScroll: true });
    }, 50));
  },
};
