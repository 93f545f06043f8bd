"use strict";
(() => {
  const { stillness, bytes, bits, ramp, heat, tiles, compared, panels, Player } = drawing;
  const data = JSON.parse(document.getElementById("data").textContent);
  const side = data.side;
  const ramps = { probability: ramp(data.ramps.probability), cost: ramp(data.ramps.cost) };
  const gold = bits(data.gold), walls = bits(data.walls);

  const square = (group, paints) => panels(group, side, side, paints);
  const shaded = (values, colours) => heat(side, side, bytes(values), colours);
  const onMap = (path) => tiles(side, side, (i, start) => (path && path[start + i] ? 2 : walls[i] ? 1 : 0));
  const onGold = (path) => compared(side, side, bits(path), gold);
  const goldOnly = tiles(side, side, (i) => (gold[i] ? 2 : 0));

  const sampled = square("sampling", {
    map: onMap(null),
    sample: onMap(bits(data.sampling.paths)),
    marginals: shaded(data.sampling.marginals, ramps.probability),
  });
  // the map does not move: it stays at its only frame
  new Player("sampling", data.sampling.frames, (frame) => sampled.slice(1).forEach((panel) => panel.show(frame)),
    (frame) => `sample ${frame + 1} of ${data.sampling.frames}`);

  const views = data.settings.map((setting) => {
    const drawn = square(setting.name, {
      gold: goldOnly,
      sample: onGold(setting.sample),
      marginals: shaded(setting.marginals, ramps.probability),
      best: onGold(setting.best),
      costs: shaded(setting.costs, ramps.cost),
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
  const picture = square("opening", { marginals: shaded(opening.marginals, ramps.probability) })[0];
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
})();
