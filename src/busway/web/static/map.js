// The map's island: marks what changed, and filters by words and status. The server drew everything.
const icons = document.querySelector("[data-icons]")?.dataset.icons;
const chosen = new Set();

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

function describe(device, state) {
  device.dataset.alarm = state.alarm;
  device.querySelector("title").textContent = `${device.dataset.name}: ${state.told}`;
  const whose = device.querySelector(".whose");
  if (!whose) return;
  whose.textContent = state.whose;
  const link = device.querySelector(".link-words");
  link.textContent = state.link;
  link.classList.toggle("narrow", state.narrow !== "");
  const busy = device.querySelector(".busy");
  busy.setAttribute("visibility", state.busy === "" ? "hidden" : "visible");
  busy.querySelector(".level").setAttribute("width", String(Math.floor((Number(state.busy) * busy.querySelector(".track").getAttribute("width")) / 100)));
  const alarm = device.querySelector(".alarm");
  alarm.setAttribute("visibility", state.alarm === "" ? "hidden" : "visible");
  alarm.setAttribute("class", `alarm ${state.alarm}`);
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
