"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const side = data.side, cells = side * side;
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
  const ramps = { probability: ramp(data.ramps.probability), cost: ramp(data.ramps.cost) };

  const gold = bits(data.gold), walls = bits(data.walls);

  // One canvas. It is redrawn when its frame, its size or the colour scheme changes.
  class Panel {
    constructor(canvas, paint) {
      this.canvas = canvas;
      this.paint = paint;
      this.frame = 0;
      new ResizeObserver(() => this.resize()).observe(canvas);
    }
    resize() {
      const pixels = Math.max(side, Math.round(this.canvas.clientWidth * devicePixelRatio));
      this.canvas.width = this.canvas.height = pixels;
      this.draw();
    }
    show(frame) { this.frame = frame; this.draw(); }
    draw() { this.paint(this.canvas.getContext("2d"), this.canvas.width, this.frame * cells); }
  }

  const edge = (size, at) => Math.round((at * size) / side);
  const heat = (values, colours) => {
    const small = document.createElement("canvas");
    small.width = small.height = side;
    const image = new ImageData(side, side);
    return (context, size, start) => {
      for (let i = 0; i < cells; i++) image.data.set(colours.subarray(4 * values[start + i], 4 * values[start + i] + 4), 4 * i);
      small.getContext("2d").putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, size, size);
    };
  };
  const tiles = (colour) => (context, size, start) => {
    const gap = Math.max(1, Math.round(size / 220)), round = size / side / 5;
    context.fillStyle = css("--card");
    context.fillRect(0, 0, size, size);
    const names = ["--empty", "--wall", "--on-gold", "--off-gold", "--missed"].map(css);
    for (let i = 0; i < cells; i++) {
      const x = i % side, y = (i - x) / side, left = edge(size, x), top = edge(size, y);
      context.fillStyle = names[colour(i, start)];
      context.beginPath();
      context.roundRect(left, top, edge(size, x + 1) - left - gap, edge(size, y + 1) - top - gap, round);
      context.fill();
    }
  };
  const onMap = (path) => tiles((i, start) => (path && path[start + i] ? 2 : walls[i] ? 1 : 0));
  const compared = (path) => tiles((i, start) => (path[start + i] ? (gold[i] ? 2 : 3) : gold[i] ? 4 : 0));
  const goldOnly = tiles((i) => (gold[i] ? 2 : 0));

  const canvasOf = (group, name) => document.querySelector(`canvas[data-group="${group}"][data-panel="${name}"]`);
  const panels = (group, paints) =>
    Object.entries(paints).map(([name, paint]) => new Panel(canvasOf(group, name), paint));

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

  const sampled = panels("sampling", {
    map: onMap(null),
    sample: onMap(bits(data.sampling.paths)),
    marginals: heat(bytes(data.sampling.marginals), ramps.probability),
  });
  // the map does not move: it stays at its only frame
  new Player("sampling", data.sampling.frames, (frame) => sampled.slice(1).forEach((panel) => panel.show(frame)),
    (frame) => `sample ${frame + 1} of ${data.sampling.frames}`);

  const views = data.settings.map((setting) => {
    const drawn = panels(setting.name, {
      gold: goldOnly,
      sample: compared(bits(setting.sample)),
      marginals: heat(bytes(setting.marginals), ramps.probability),
      best: compared(bits(setting.best)),
      costs: heat(bytes(setting.costs), ramps.cost),
    });
    const article = document.getElementById(`setting-${setting.name}`);
    const charts = ["loss", "sparsity"].map((name) => {
      const chart = article.querySelector(`.${name}`);
      return { cursor: chart.querySelector(".cursor"), value: chart.querySelector("output"), name };
    });
    const show = (frame) => {
      drawn.slice(1).forEach((panel) => panel.show(frame));
      const step = frame * setting.every;
      for (const { cursor, value, name } of charts) {
        cursor.style.left = `${(100 * step) / setting.steps}%`;
        value.textContent = name === "loss" ? setting.loss[frame].toFixed(1) : `${(100 * setting.sparsity[frame]).toFixed(0)} %`;
      }
    };
    return { setting, article, drawn, show };
  });
  const { steps, every, frames } = data.settings[0];
  const learning = new Player("learning", frames, (frame) => views.forEach((view) => view.show(frame)),
    (frame) => `step ${frame * every} of ${steps}`);

  // The picture at the top moves once, for less than five seconds; a click shows it again.
  const opening = data.settings[data.opening];
  const picture = panels("opening", { marginals: heat(bytes(opening.marginals), ramps.probability) })[0];
  const caption = picture.canvas.parentElement.querySelector("output");
  let opener = 0;
  const open = (frame) => {
    picture.show(frame);
    caption.textContent = `step ${frame * every} of ${steps}`;
    if (frame < frames - 1) opener = setTimeout(() => open(frame + 1), 4500 / frames);
  };
  picture.canvas.addEventListener("click", () => { clearTimeout(opener); open(0); });
  open(stillness.matches ? frames - 1 : 0);

  // point at a curve to go to that step
  for (const plot of document.querySelectorAll(".plot")) {
    const go = (event) => {
      const box = plot.getBoundingClientRect();
      learning.pause();
      learning.seek(Math.round(((event.clientX - box.left) / box.width) * (frames - 1)));
    };
    plot.addEventListener("pointerdown", go);
    plot.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
  }

  darkMode.addEventListener("change", () =>
    [...sampled, ...views.flatMap((view) => view.drawn)].forEach((panel) => panel.draw()));
})();
