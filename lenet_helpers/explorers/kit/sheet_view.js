// Pictures and bars on a canvas, from a byte a pixel: see sheet_view.py.
const EMPTY = 255;

function render({ model, el }) {
  const canvas = document.createElement("canvas"), small = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.style.cssText = "max-width:100%;background:#fff;border-radius:4px;display:block";
  el.append(canvas);
  let frame = 0, drawn = 0;
  const get = (name) => model.get(name);

  function draw() {
    frame = 0;
    drawn = performance.now();
    const wide = get("width"), high = get("height"), ratio = Math.max(1, window.devicePixelRatio || 1);
    if (canvas.width !== Math.round(wide * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
      canvas.style.width = wide + "px";
      canvas.style.aspectRatio = `${wide} / ${high}`;
    }
    canvas.setAttribute("aria-label", get("name"));
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = "#fff";
    ctx.fillRect(0, 0, wide, high);
    ctx.imageSmoothingEnabled = false;
    ctx.textBaseline = "alphabetic";
    const pixels = get("pixels");
    let from = 0;
    for (const part of get("parts")) {
      picture(ctx, part, new Uint8Array(pixels.buffer, pixels.byteOffset + from, part.shape[0] * part.shape[1]));
      from += part.shape[0] * part.shape[1];
    }
    if (get("place").length) bars(ctx, ...get("place"));
  }

  function picture(ctx, part, places) {
    const [rows, columns] = part.shape, [left, top, width, height] = part.box;
    const palette = get("palettes")[part.palette], data = ctx.createImageData(columns, rows);
    for (let i = 0; i < places.length; i++) {
      if (places[i] === EMPTY) continue; // transparent: the paper
      for (let c = 0; c < 3; c++) data.data[4 * i + c] = palette.getUint8(3 * places[i] + c);
      data.data[4 * i + 3] = 255;
    }
    small.width = columns;
    small.height = rows;
    small.getContext("2d").putImageData(data, 0, 0);
    const scale = Math.min(width / columns, height / rows);
    const x = left + (width - scale * columns) / 2, y = top + (height - scale * rows) / 2;
    ctx.drawImage(small, x, y, scale * columns, scale * rows);
    ctx.fillStyle = "#000";
    ctx.font = "13px sans-serif";
    ctx.textAlign = "center";
    ctx.fillText(part.title, left + width / 2, top - 6);
  }

  function bars(ctx, left, top, width, height) {
    const values = get("bars"), names = get("names"), step = width / names.length;
    ctx.font = "13px sans-serif";
    ctx.strokeStyle = "#000";
    ctx.lineWidth = 1;
    ctx.textAlign = "right";
    for (const percent of [0, 50, 100]) {
      const y = top + height * (1 - percent / 100);
      ctx.fillStyle = "#000";
      ctx.fillText(percent, left - 7, y + 4);
      ctx.beginPath();
      ctx.moveTo(left - 4, y);
      ctx.lineTo(left, y);
      ctx.stroke();
    }
    ctx.textAlign = "center";
    names.forEach((name, i) => {
      const tall = height * (values[i] || 0);
      ctx.fillStyle = "#0072B2";
      ctx.fillRect(left + step * (i + 0.1), top + height - tall, step * 0.8, tall);
      if (tall > 0.5) ctx.strokeRect(left + step * (i + 0.1), top + height - tall, step * 0.8, tall);
      ctx.fillStyle = "#000";
      ctx.fillText(name, left + step * (i + 0.5), top + height + 16);
    });
    ctx.beginPath();
    ctx.moveTo(left, top);
    ctx.lineTo(left, top + height);
    ctx.lineTo(left + width, top + height);
    ctx.stroke();
    ctx.save();
    ctx.translate(left - 38, top + height / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.fillText(get("axis"), 0, 0);
    ctx.restore();
  }

  // At once, so that the next frame shows it; where several come in one frame, once for all of them.
  model.on("change", () => {
    if (performance.now() - drawn > 16) draw();
    else frame = frame || requestAnimationFrame(draw);
  });
  draw();
}

export default { render };
