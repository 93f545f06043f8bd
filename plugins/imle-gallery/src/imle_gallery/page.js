"use strict";
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(inflated).text());
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const clamped = (value, last) => Math.max(0, Math.min(last, value));

  // A canvas of cells, drawn anew when its frame, its layer, its size or the colour scheme changes.
  class Panel {
    constructor(canvas, { rows, columns, layers }) {
      Object.assign(this, { canvas, rows, columns, layers, layer: layers[0], frame: 0 });
      canvas.style.aspectRatio = `${columns} / ${rows}`;
      new ResizeObserver(() => this.resize()).observe(canvas);
      dark.addEventListener("change", () => this.draw());
    }
    resize() {
      this.canvas.width = Math.max(this.columns, Math.round(this.canvas.clientWidth * devicePixelRatio));
      this.canvas.height = Math.round((this.canvas.width * this.rows) / this.columns);
      this.draw();
    }
    choose(name) { this.layer = this.layers.find((layer) => layer.name === name); this.draw(); }
    show(frame) { this.frame = frame; this.draw(); }
    draw() {
      const { canvas: { width, height }, rows, columns, layer: { kind, cells } } = this;
      const context = this.canvas.getContext("2d"), tiles = kind === "tiles", size = rows * columns;
      const colours = tiles ? data.tiles.map(css) : data.ramps[kind];
      const start = Math.min(this.frame, cells.length / size - 1) * size; // what does not move has one frame
      const gap = tiles ? Math.max(1, Math.round(width / 220)) : 0, round = tiles ? width / columns / 5 : 0;
      context.fillStyle = css("card");
      context.fillRect(0, 0, width, height);
      for (let i = 0; i < size; i++) {
        const x = i % columns, y = (i - x) / columns;
        const left = Math.round((x * width) / columns), top = Math.round((y * height) / rows);
        const right = Math.round(((x + 1) * width) / columns), bottom = Math.round(((y + 1) * height) / rows);
        context.fillStyle = colours[cells.charCodeAt(start + i)];
        context.beginPath();
        context.roundRect(left, top, right - left - gap, bottom - top - gap, round);
        context.fill();
      }
    }
  }

  // Play, pause and seek the frames of a section.
  const play = (section, panels, { frames, noun, first, every, total }) => {
    const bar = section.querySelector(".transport"), [button, slider, output] = bar.children;
    const readings = [...section.querySelectorAll("[data-values]")].map((e) => [e, JSON.parse(e.dataset.values)]);
    let frame = 0, timer = 0, started = false;
    const seek = (to) => {
      frame = clamped(to, frames - 1);
      const words = `${noun} ${first + frame * every} of ${total}`;
      slider.value = frame;
      slider.setAttribute("aria-valuetext", words);
      output.textContent = words;
      section.style.setProperty("--at", frame / (frames - 1)); // moves the slider's colour and all cursors
      for (const [element, values] of readings) element.textContent = values[frame];
      for (const panel of panels) panel.show(frame);
    };
    const label = (words, shape) => {
      button.setAttribute("aria-label", words);
      button.querySelector("path").setAttribute("d", shape);
    };
    const pause = () => { clearTimeout(timer); timer = 0; label("Play", "M5 2.5v15l12-7.5z"); };
    const schedule = () => {
      const last = frame === frames - 1;
      timer = setTimeout(() => { seek(last ? 0 : frame + 1); schedule(); }, last ? 2500 : 110);
    };
    const start = () => {
      started = true;
      if (frame === frames - 1) seek(0);
      label("Pause", "M4 3h4v14H4zM12 3h4v14h-4z");
      schedule();
    };
    for (const target of [button, ...panels.map((panel) => panel.canvas)]) { // the button may be far from a picture
      target.addEventListener("click", () => (timer ? pause() : start()));
    }
    slider.max = frames - 1;
    slider.addEventListener("input", () => { pause(); seek(Number(slider.value)); });
    for (const plot of section.querySelectorAll(".plot:has(.cursor)")) { // point at a curve to go to that step
      const [from, to] = ["--from", "--to"].map((name) => Number(plot.style.getPropertyValue(name)));
      const go = ({ clientX }) => {
        const box = plot.getBoundingClientRect(), at = ((clientX - box.left) / box.width - from) / (to - from);
        pause();
        seek(Math.round(at * (frames - 1)));
      };
      plot.addEventListener("pointerdown", go);
      plot.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
    }
    // plays by itself the first time it is in view, unless the reader prefers stillness
    new IntersectionObserver(([entry]) => { if (entry.isIntersecting && !started && !stillness.matches) start(); },
      { threshold: 0.15 }).observe(section.querySelector(".panels"));
    seek(stillness.matches ? frames - 1 : 0);
    pause();
  };

  for (const part of data.sections) {
    const section = document.getElementById(part.name);
    const panels = Object.entries(part.canvases).map(
      ([id, canvas]) => new Panel(section.querySelector(`[data-canvas="${id}"]`), canvas));
    for (const button of section.querySelectorAll(".choice input")) {
      button.addEventListener("change", () => { for (const panel of panels) panel.choose(button.value); });
    }
    if (part.player) play(section, panels, part.player);
    // The picture at the top moves once, for less than five seconds; a click shows it again.
    const top = document.querySelector(`[data-opens="${part.name}"]`);
    if (!top) continue;
    const picture = new Panel(top, part.canvases[top.dataset.of]), { frames, noun, every, total } = part.player;
    let timer = 0;
    const open = (frame) => {
      picture.show(frame);
      top.nextElementSibling.lastChild.textContent = `${noun} ${frame * every} of ${total}`;
      if (frame < frames - 1) timer = setTimeout(() => open(frame + 1), 4500 / frames);
    };
    top.addEventListener("click", () => { clearTimeout(timer); open(0); });
    open(stillness.matches ? frames - 1 : 0);
  }
  document.documentElement.classList.add("ready");
})();
