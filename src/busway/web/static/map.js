// The map's island: marks what changed, and filters by words and status. The server drew everything.
const icons = document.querySelector("[data-icons]")?.dataset.icons;
const chosen = new Set();
let filtered = false;

export function applyDevices(states) {
  let changed = false;
  for (const [id, state] of Object.entries(states)) {
    const device = document.getElementById(`d-${id}`);
    if (!device) { if (document.querySelector("[data-map]") && state.status !== "gone") changed = true; continue; }
    if (state.status === "gone") { device.classList.add("dim"); continue; }
    if (device.dataset.status !== state.status || device.dataset.server !== state.server) claim(device, state);
    describe(device, state);
  }
  count();
  filter();
  return changed;
}

function claim(device, state) {
  device.classList.remove(`s-${device.dataset.status}`);
  device.classList.add(`s-${state.status}`, "changed");
  device.addEventListener("animationend", () => device.classList.remove("changed"), { once: true });
  device.dataset.status = state.status;
  device.dataset.server = state.server;
  device.querySelector("use.sign")?.setAttribute("href", `${icons}#s-${state.status}`);
}

// What a title says is all that a tile shows: where it is the same, nothing is drawn again.
function describe(device, state) {
  const title = device.querySelector("title"), told = `${device.dataset.name}: ${state.told}`;
  if (title.textContent === told && device.dataset.alarm === state.alarm) return;
  device.dataset.alarm = state.alarm;
  title.textContent = told;
  const whose = device.querySelector(".whose");
  if (!whose) return;
  whose.textContent = state.whose;
  const link = device.querySelector(".link-words");
  link.textContent = state.link;
  link.classList.toggle("narrow", state.narrow !== "");
  drawBusy(device, state.busy);
  drawAlarm(device, state.alarm);
}

// Parts that few tiles have are made when they are needed, where the server would have put them.
function part(device, kind, make) {
  const found = device.querySelector(`.${kind}`);
  if (found) return found;
  const face = device.querySelector(".face");
  const [x, y, width] = ["x", "y", "width"].map((name) => Number(face.getAttribute(name)));
  const group = element("g", { class: kind });
  group.append(...make(x, y, width));
  device.append(group);
  return group;
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function drawBusy(device, percent) {
  if (percent === "") { device.querySelector(".busy")?.remove(); return; }
  const bar = (kind, x, y, width) => element("rect", { class: kind, x: x + 6, y: y + 67, width: width - 12, height: 4, rx: 2 });
  const busy = part(device, "busy", (x, y, width) => [bar("track", x, y, width), bar("level", x, y, width)]);
  busy.querySelector(".level").setAttribute("width", String(Math.floor((Number(percent) * busy.querySelector(".track").getAttribute("width")) / 100)));
}

function drawAlarm(device, kind) {
  if (kind === "") { device.querySelector(".alarm")?.remove(); return; }
  const alarm = part(device, "alarm", (x, y, width) => [element("use", { href: `${icons}#v-error`, x: x + width - 20, y: y + 23, width: 15, height: 15 })]);
  alarm.setAttribute("class", `alarm ${kind}`);
}

function count() {
  const sums = new Map();
  for (const device of document.querySelectorAll("[data-gpu]")) sums.set(device.dataset.status, (sums.get(device.dataset.status) ?? 0) + 1);
  sums.set("found", document.querySelectorAll("[data-alarm]:not([data-alarm=''])").length);
  for (const sum of document.querySelectorAll("[data-sum]")) sum.textContent = sums.get(sum.dataset.sum) ?? 0;
}

function filter() {
  const search = document.getElementById("map-search");
  if (!search) return;
  const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const filters = asked.length > 0 || chosen.size > 0;
  if (!filters && !filtered) return;
  filtered = filters;
  for (const cabinet of document.querySelectorAll("[data-cabinet]")) {
    let shown = 0;
    for (const device of cabinet.querySelectorAll("[data-status]")) {
      const text = `${cabinet.dataset.cabinet} ${device.querySelector("title").textContent} ${device.dataset.about}`.toLowerCase();
      const fits = asked.every((word) => text.includes(word)) && (!chosen.size || chosen.has(device.dataset.status) || (chosen.has("found") && device.dataset.alarm));
      device.classList.toggle("dim", !fits);
      if (fits) shown += 1;
    }
    cabinet.hidden = !shown && (asked.length > 0 || chosen.size > 0);
  }
}

export function startFilters() {
  const search = document.getElementById("map-search");
  if (!search) return;
  search.addEventListener("input", filter);
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => {
      const status = button.dataset.choose;
      if (!chosen.delete(status)) chosen.add(status);
      button.setAttribute("aria-pressed", String(chosen.has(status)));
      filter();
    });
  }
  const large = document.getElementById("map-large");
  large?.addEventListener("click", () => {
    const on = document.querySelector(".cabinets").classList.toggle("large");
    large.setAttribute("aria-pressed", String(on));
  });
  filter();
}
