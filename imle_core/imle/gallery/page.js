"use strict";
(() => {
  const { bytes, bits, ramp, Panel, heat, tiles, compared, Player } = drawing;
  const data = JSON.parse(document.getElementById("data").textContent);
  const ramps = { probability: ramp(data.ramps.probability), cost: ramp(data.ramps.cost) };

  // how one layer of a canvas is painted; its values are read when it is first shown
  const painter = (canvas, layer, masks) => {
    const { rows, columns } = canvas;
    if (layer.kind in ramps) return heat(rows, columns, bytes(layer.values), ramps[layer.kind]);
    const path = bits(layer.values), mask = masks[layer.mask];
    if (layer.kind === "compare") return compared(rows, columns, path, mask);
    return tiles(rows, columns, (i, start) => (path[start + i] ? 2 : mask[i] ? 1 : 0));
  };

  for (const part of data.sections) {
    const section = document.getElementById(part.name);
    const masks = Object.fromEntries(Object.entries(part.masks).map(([name, text]) => [name, bits(text)]));
    const panels = Object.entries(part.canvases).map(([id, canvas]) => {
      const element = section.querySelector(`canvas[data-canvas="${id}"]`);
      const painters = {};
      const choose = (name) => {
        const layer = canvas.layers.find((one) => one.name === name);
        painters[name] ??= painter(canvas, layer, masks);
        return painters[name];
      };
      const first = choose(canvas.layers[0].name);
      return { panel: new Panel(element, canvas.rows, canvas.columns, first), choose, layer: canvas.layers[0] };
    });

    for (const button of section.querySelectorAll(".choice input")) {
      button.addEventListener("change", () => {
        for (const { panel, choose } of panels) {
          panel.paint = choose(button.value);
          panel.draw();
        }
      });
    }

    if (!part.player) continue;
    const { frames, noun, first, every, total } = part.player;
    const cursors = section.querySelectorAll(".cursor");
    // pictures without motion have one frame and stay at it
    const moving = panels.filter(({ panel, layer }) => {
      const cells = panel.rows * panel.columns, size = atob(layer.values).length;
      return layer.kind in ramps ? size > cells : size * 8 >= 2 * cells;
    });
    new Player(part.name, frames, (frame) => {
      for (const { panel } of moving) panel.show(frame);
      for (const cursor of cursors) cursor.style.left = `${(100 * (first + frame * every)) / total}%`;
    }, (frame) => `${noun} ${first + frame * every} of ${total}`);
  }
})();
