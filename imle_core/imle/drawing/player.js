// What moves on a page: canvases of cells, and players that step through their frames.
"use strict";
const drawing = (() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const darkMode = matchMedia("(prefers-color-scheme: dark)");
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const bits = (text) => {
    const packed = bytes(text), out = new Uint8Array(packed.length * 8);
    for (let i = 0; i < out.length; i++) out[i] = (packed[i >> 3] >> (7 - (i & 7))) & 1;
    return out;
  };

  // 256 colours between evenly spaced anchors
  const ramp = (anchors) => {
    const out = new Uint8ClampedArray(256 * 4);
    const points = anchors.map((code) => [0, 2, 4].map((at) => parseInt(code.slice(at, at + 2), 16)));
    for (let i = 0; i < 256; i++) {
      const at = (i / 255) * (points.length - 1), low = Math.min(Math.floor(at), points.length - 2);
      for (let c = 0; c < 3; c++) out[4 * i + c] = points[low][c] + (at - low) * (points[low + 1][c] - points[low][c]);
      out[4 * i + 3] = 255;
    }
    return out;
  };

  // One canvas of `rows` x `columns` cells. It is redrawn when its frame, its size or the colour scheme changes.
  // `paint(context, width, height, start)` draws the frame whose first cell is `start`.
  class Panel {
    constructor(canvas, rows, columns, paint) {
      Object.assign(this, { canvas, rows, columns, paint, frame: 0 });
      canvas.style.aspectRatio = `${columns} / ${rows}`;
      new ResizeObserver(() => this.resize()).observe(canvas);
      darkMode.addEventListener("change", () => this.draw());
    }
    resize() {
      this.canvas.width = Math.max(this.columns, Math.round(this.canvas.clientWidth * devicePixelRatio));
      this.canvas.height = Math.round((this.canvas.width * this.rows) / this.columns);
      this.draw();
    }
    show(frame) { this.frame = frame; this.draw(); }
    draw() {
      const { width, height } = this.canvas;
      this.paint(this.canvas.getContext("2d"), width, height, this.frame * this.rows * this.columns);
    }
  }

  // values 0 .. 255 as colours of a ramp
  const heat = (rows, columns, values, colours) => {
    const small = document.createElement("canvas");
    small.width = columns;
    small.height = rows;
    const image = new ImageData(columns, rows);
    return (context, width, height, start) => {
      for (let i = 0; i < rows * columns; i++) {
        image.data.set(colours.subarray(4 * values[start + i], 4 * values[start + i] + 4), 4 * i);
      }
      small.getContext("2d").putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, width, height);
    };
  };
  // cells in flat colours: `colour(i, start)` is a place in the list of names
  const tiles = (rows, columns, colour) => (context, width, height, start) => {
    const gap = Math.max(1, Math.round(width / 220)), round = width / columns / 5;
    context.fillStyle = css("--card");
    context.fillRect(0, 0, width, height);
    const names = ["--empty", "--wall", "--on-gold", "--off-gold", "--missed"].map(css);
    for (let i = 0; i < rows * columns; i++) {
      const x = i % columns, y = (i - x) / columns;
      const left = Math.round((x * width) / columns), top = Math.round((y * height) / rows);
      const right = Math.round(((x + 1) * width) / columns), bottom = Math.round(((y + 1) * height) / rows);
      context.fillStyle = names[colour(i, start)];
      context.beginPath();
      context.roundRect(left, top, right - left - gap, bottom - top - gap, round);
      context.fill();
    }
  };
  // a path on the gold path, off it, and what it misses of the gold path
  const compared = (rows, columns, path, gold) =>
    tiles(rows, columns, (i, start) => (path[start + i] ? (gold[i] ? 2 : 3) : gold[i] ? 4 : 0));

  const canvasOf = (group, name) => document.querySelector(`canvas[data-group="${group}"][data-panel="${name}"]`);
  const panels = (group, rows, columns, paints) =>
    Object.entries(paints).map(([name, paint]) => new Panel(canvasOf(group, name), rows, columns, paint));

  // Play, pause and seek: `show(frame)` draws, `words(frame)` is what the counter says.
  class Player {
    constructor(name, frames, show, words) {
      const bar = document.querySelector(`[data-player="${name}"]`);
      this.button = bar.querySelector("button");
      this.icon = bar.querySelector("path");
      this.slider = bar.querySelector("input");
      this.output = bar.querySelector("output");
      Object.assign(this, { frames, show, words, timer: 0, started: false });
      this.slider.max = frames - 1;
      this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      this.slider.addEventListener("input", () => { this.pause(); this.seek(Number(this.slider.value)); });
      new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting), { threshold: 0.15 })
        .observe(document.getElementById(name).querySelector(".panels"));
      this.seek(stillness.matches ? frames - 1 : 0);
      this.pause();
    }
    // plays by itself the first time it is in view, unless the reader prefers stillness
    seen(visible) {
      if (!visible || this.started || stillness.matches) return;
      this.play();
    }
    seek(frame) {
      this.frame = Math.max(0, Math.min(this.frames - 1, frame));
      const words = this.words(this.frame);
      this.slider.value = this.frame;
      this.slider.style.setProperty("--done", `${(100 * this.frame) / (this.frames - 1)}%`);
      this.slider.setAttribute("aria-valuetext", words);
      this.output.textContent = words;
      this.show(this.frame);
    }
    play() {
      this.started = true;
      if (this.frame === this.frames - 1) this.seek(0);
      this.label("Pause", "M4 3h4v14H4zM12 3h4v14h-4z");
      this.schedule();
    }
    schedule() {
      const last = this.frame === this.frames - 1;
      this.timer = setTimeout(() => { this.seek(last ? 0 : this.frame + 1); this.schedule(); }, last ? 2500 : 110);
    }
    pause() {
      clearTimeout(this.timer);
      this.timer = 0;
      this.label("Play", "M5 2.5v15l12-7.5z");
    }
    label(words, shape) {
      this.button.setAttribute("aria-label", words);
      this.icon.setAttribute("d", shape);
    }
  }

  return { css, darkMode, stillness, bytes, bits, ramp, Panel, heat, tiles, compared, panels, Player };
})();
