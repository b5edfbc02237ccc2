// A grid of cells on a canvas: click, hover, drag and keyboard. Python says what each cell looks like.
const MARGIN = { left: 30, top: 44, none: 6 };

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const spoken = document.createElement("div");
  canvas.tabIndex = 0;
  canvas.className = "lenet-grid-canvas";
  canvas.setAttribute("role", "application");
  canvas.dataset.lmSuppressShortcuts = "true"; // the arrow keys are ours, not the notebook's
  canvas.style.cssText = "max-width:100%;background:#fff;border-radius:4px;touch-action:none;display:block";
  spoken.setAttribute("aria-live", "polite");
  spoken.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  el.style.position = "relative";
  el.append(canvas, spoken);

  let cursor = [0, 0], keyboard = false, pressed = null, greys = null, timer = 0, sent = 0, frame = 0;
  const get = (name) => model.get(name);
  const size = () => {
    const named = get("row_names").length > 0;
    return {
      left: named ? MARGIN.left + (get("row_title") ? 16 : 0) : MARGIN.none,
      top: get("column_names").length ? MARGIN.top : get("title") ? 26 : MARGIN.none,
      cell: get("cell"), rows: get("rows"), columns: get("columns"),
    };
  };

  function draw() {
    frame = 0;
    const s = size(), ctx = canvas.getContext("2d");
    const wide = s.left + s.columns * s.cell + MARGIN.none, high = s.top + s.rows * s.cell + MARGIN.none;
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
      canvas.style.width = wide + "px";
      canvas.style.aspectRatio = `${wide} / ${high}`;
    }
    canvas.setAttribute("aria-label", get("name"));
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = "#fff";
    ctx.fillRect(0, 0, wide, high);
    cells(ctx, s);
    names(ctx, s);
    for (const f of get("frames"))
      ring(ctx, s, f.row, f.column, f.rows || 1, f.columns || 1, f.colour, f.width || 3);
    if (keyboard && document.activeElement === canvas) {
      ring(ctx, s, ...cursor, 1, 1, "#fff", 5);
      ring(ctx, s, ...cursor, 1, 1, "#0072B2", 3);
    }
  }

  function cells(ctx, s) {
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    if (greys) return inked(ctx, s);
    const fills = get("fills"), texts = get("texts"), inks = get("inks");
    ctx.font = `${Math.max(10, Math.min(14, s.cell * 0.4))}px sans-serif`;
    for (let i = 0; i < s.rows * s.columns; i++) {
      const x = s.left + (i % s.columns) * s.cell, y = s.top + Math.floor(i / s.columns) * s.cell;
      ctx.fillStyle = fills[i] || "#fff";
      ctx.fillRect(x, y, s.cell, s.cell);
      if (s.cell >= 14) {
        ctx.strokeStyle = "#8C8C8C";
        ctx.lineWidth = 0.8;
        ctx.strokeRect(x, y, s.cell, s.cell);
      }
      if (texts[i]) {
        ctx.fillStyle = inks[i] || "#000";
        ctx.fillText(texts[i], x + s.cell / 2, y + s.cell / 2 + 1);
      }
    }
    border(ctx, s);
  }

  function border(ctx, s) {
    ctx.strokeStyle = "#595959";
    ctx.lineWidth = 1;
    ctx.strokeRect(s.left, s.top, s.columns * s.cell, s.rows * s.cell);
  }

  // Thousands of cells at each stroke: one picture, a pixel a cell, instead of a rectangle each.
  const small = document.createElement("canvas");
  function inked(ctx, s) {
    small.width = s.columns;
    small.height = s.rows;
    const pixels = small.getContext("2d"), data = pixels.createImageData(s.columns, s.rows);
    for (let i = 0; i < greys.length; i++) {
      data.data.fill(255 - greys[i], 4 * i, 4 * i + 3);
      data.data[4 * i + 3] = 255;
    }
    pixels.putImageData(data, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(small, s.left, s.top, s.columns * s.cell, s.rows * s.cell);
    border(ctx, s);
  }

  function names(ctx, s) {
    ctx.fillStyle = "#000";
    ctx.font = "12px sans-serif";
    get("column_names").forEach((name, i) =>
      ctx.fillText(name, s.left + (i + 0.5) * s.cell, s.top - 10));
    get("row_names").forEach((name, i) =>
      ctx.fillText(name, s.left - 14, s.top + (i + 0.5) * s.cell));
    ctx.font = "13px sans-serif";
    if (get("title")) ctx.fillText(get("title"), s.left + (s.columns * s.cell) / 2, 13);
    if (get("row_title")) {
      ctx.save();
      ctx.translate(10, s.top + (s.rows * s.cell) / 2);
      ctx.rotate(-Math.PI / 2);
      ctx.fillText(get("row_title"), 0, 0);
      ctx.restore();
    }
  }

  function ring(ctx, s, row, column, rows, columns, colour, width) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.strokeRect(s.left + column * s.cell, s.top + row * s.cell, columns * s.cell, rows * s.cell);
  }

  const again = () => { frame = frame || requestAnimationFrame(draw); };

  // where the pointer is, in cells, fractions kept; null outside
  function place(event) {
    const box = canvas.getBoundingClientRect(), s = size();
    const scale = (s.left + s.columns * s.cell + MARGIN.none) / box.width;
    const x = ((event.clientX - box.left) * scale - s.left) / s.cell;
    const y = ((event.clientY - box.top) * scale - s.top) / s.cell;
    return x < 0 || y < 0 || x >= s.columns || y >= s.rows ? null : [y, x];
  }

  const tell = (kind, row, column) => model.send({ kind, row, column });

  function say() {
    const [row, column] = cursor;
    spoken.textContent = get("spoken")[row * get("columns") + column] || `${row}, ${column}`;
  }

  function point(row, column) {
    if (row === cursor[0] && column === cursor[1]) return;
    cursor = [row, column];
    tell("point", row, column);
    again();
  }

  function press(row, column) {
    cursor = [row, column];
    if (get("brush") > 0) paint(row + 0.5, column + 0.5);
    else tell("press", row, column);
    again();
  }

  // The pad's ink is laid here, without a way to the kernel and back for each dot.
  function paint(y, x) {
    const s = size(), radius = get("brush"), ink = get("erases") ? 0 : 255;
    if (!greys) greys = new Uint8Array(s.rows * s.columns);
    for (let row = Math.max(0, Math.floor(y - radius - 1)); row < Math.min(s.rows, y + radius + 1); row++)
      for (let column = Math.max(0, Math.floor(x - radius - 1)); column < Math.min(s.columns, x + radius + 1); column++) {
        const gap = Math.hypot(row + 0.5 - y, column + 0.5 - x);
        const strength = Math.max(0, Math.min(1, radius + 0.5 - gap));
        const i = row * s.columns + column;
        greys[i] = ink ? Math.max(greys[i], 255 * strength) : Math.min(greys[i], 255 * (1 - strength));
      }
    again();
    // At once, then every frame; ipywidgets merges what the kernel has not taken yet.
    timer = timer || setTimeout(send, Math.max(0, sent + 16 - performance.now()));
  }

  function send() {
    timer = 0;
    sent = performance.now();
    model.set("greys", new DataView(greys.slice().buffer));
    model.save_changes();
  }

  function stroke(from, to) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let i = 1; i <= steps; i++)
      paint(from[0] + ((to[0] - from[0]) * i) / steps, from[1] + ((to[1] - from[1]) * i) / steps);
  }

  canvas.addEventListener("pointerdown", (event) => {
    const at = place(event);
    keyboard = false;
    if (!at) return;
    canvas.setPointerCapture(event.pointerId);
    pressed = at;
    if (get("brush") > 0) paint(...at);
    else press(Math.floor(at[0]), Math.floor(at[1]));
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!at) return;
    const [row, column] = at.map(Math.floor);
    if (pressed && get("brush") > 0) stroke(pressed, at);
    else if (pressed && get("drags") && (row !== cursor[0] || column !== cursor[1])) press(row, column);
    else if (!pressed && get("brush") === 0) point(row, column);
    if (pressed) pressed = at;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { pressed = null; });

  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const by = moves[event.key];
    if (!by && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    keyboard = true;
    if (by) {
      point(
        Math.min(get("rows") - 1, Math.max(0, cursor[0] + by[0])),
        Math.min(get("columns") - 1, Math.max(0, cursor[1] + by[1])));
      if (event.shiftKey && get("brush") > 0) paint(cursor[0] + 0.5, cursor[1] + 0.5);
    } else press(...cursor);
    say();
    again();
  });
  canvas.addEventListener("focus", () => { keyboard = true; say(); again(); });
  canvas.addEventListener("blur", again);

  // The ink lies here, and here it is wiped: a stroke that begins before the kernel knows of the new page is
  // on it. And what is inked is told before a button of the figure is.
  function clicked({ target }) {
    if (!el.closest(".lenet-explorer")?.contains(target)) return;
    const wiped = get("wiped_by") && target.closest(get("wiped_by"));
    if (!wiped && !timer) return;
    if (wiped) greys = new Uint8Array(get("rows") * get("columns"));
    clearTimeout(timer);
    send();
    again();
  }
  document.addEventListener("click", clicked, true);

  const take = () => {
    const held = get("greys");
    greys = held && held.byteLength ? new Uint8Array(held.buffer, held.byteOffset, held.byteLength).slice() : null;
    again();
  };
  model.on("change:greys", () => { if (!timer && !pressed) take(); });
  model.on("change:spoken", () => { if (keyboard && document.activeElement === canvas) say(); });
  model.on("change", again);
  take();
  return () => document.removeEventListener("click", clicked, true);
}

export default { render };
