// The plot of usage: how many devices of each model were in use, from the numbers that the server wrote into the page.
import uPlot from "../vendor/uplot/dist/uPlot.esm.js";

const place = document.getElementById("usage-plot");
const told = JSON.parse(place.dataset.plot);
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();
const COLOURS = ["used", "free", "claimed", "bad", "accent", "off"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 4]]; // so that lines differ without colours
const HEIGHT = 260;
let drawn = null;

function draw() {
  drawn?.destroy();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
  drawn = new uPlot({
    width: place.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, Math.ceil(high * 1.1))] } },
    axes: [axis, { ...axis, label: told.axis }],
    series: [{ label: told.time }, ...told.series.map((each, number) => ({ label: each.label, stroke: colour(COLOURS[number]), width: 2, dash: DASHES[number], points: { size: 5 } }))],
  }, [told.times, ...told.series.map((each) => each.values)], place);
}

draw();
addEventListener("resize", () => drawn.setSize({ width: place.clientWidth, height: HEIGHT }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
