// What every page needs of scripts: the stream of what happens, and small comforts. Pages work without them.
import { applyDevices, startFilters } from "./map.js";
import { startUploads } from "./upload.js";

const mark = document.getElementById("live");
// A page that shows nothing live opens no stream.
const wanted = document.querySelector("[data-live]");

function say(on) {
  if (!mark) return;
  mark.dataset.state = on ? "on" : "off";
  mark.textContent = on ? mark.dataset.on : mark.dataset.off;
}

if (wanted && mark) {
  const source = new EventSource("/ui/live");
  source.addEventListener("open", () => say(true));
  source.addEventListener("error", () => say(false));
  source.addEventListener("devices", (event) => applyDevices(JSON.parse(event.data)));
  source.addEventListener("servers", () => document.body.dispatchEvent(new CustomEvent("busway-servers")));
  source.addEventListener("over", () => { source.close(); location.assign("/ui/login"); });
  window.addEventListener("pagehide", () => source.close());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.copied;
  });
}
for (const select of document.querySelectorAll("select[data-send]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const open of document.querySelectorAll("details.confirm[open]")) { open.open = false; open.querySelector("summary").focus(); }
});
document.getElementById("refusal")?.focus();
startFilters();
startUploads();
