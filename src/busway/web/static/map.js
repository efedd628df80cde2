// The map's island: marks what changed, and filters by words and status. The server drew everything.
const icons = document.querySelector("[data-icons]")?.dataset.icons;
const chosen = new Set();

function words(state) {
  return state.server || (state.status === "available" ? "" : state.status.replace("-", " "));
}

export function applyDevices(states) {
  let changed = false;
  for (const [id, state] of Object.entries(states)) {
    const device = document.getElementById(`d-${id}`);
    if (!device) { if (document.querySelector("[data-map]") && state.status !== "gone") changed = true; continue; }
    if (device.dataset.status === state.status && device.dataset.server === state.server) continue;
    device.classList.remove(`s-${device.dataset.status}`);
    device.classList.add(`s-${state.status}`, "changed");
    device.addEventListener("animationend", () => device.classList.remove("changed"), { once: true });
    device.dataset.status = state.status;
    device.dataset.server = state.server;
    device.querySelector("use")?.setAttribute("href", `${icons}#s-${state.status}`);
    const whose = device.querySelector(".whose");
    if (whose) whose.textContent = words(state).slice(0, 12);
    const name = `${device.dataset.name}: ${state.status.replace("-", " ")}${state.server ? `, ${state.server}` : ""}${state.reason ? `: ${state.reason}` : ""}`;
    const title = device.querySelector("title");
    if (title) title.textContent = name;
  }
  count();
  filter();
  return changed;
}

function count() {
  const sums = new Map();
  for (const device of document.querySelectorAll("[data-gpu]")) sums.set(device.dataset.status, (sums.get(device.dataset.status) ?? 0) + 1);
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
      const fits = asked.every((word) => text.includes(word)) && (!chosen.size || chosen.has(device.dataset.status));
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
