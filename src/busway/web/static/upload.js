// Uploads of images, with progress: the record first, then its data as it is on the disk.
export function startUploads() {
  const form = document.getElementById("upload");
  if (!form) return;
  const bar = form.querySelector("progress");
  const told = form.querySelector("[data-told]");
  const file = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  button.disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = file.files[0];
    if (!data) return;
    const request = new XMLHttpRequest();
    request.open("PUT", form.dataset.url);
    request.setRequestHeader("X-CSRF-Token", form.querySelector("[name=csrf]").value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    bar.hidden = false;
    button.disabled = true;
    request.upload.addEventListener("progress", (step) => {
      bar.max = step.total; bar.value = step.loaded;
      told.textContent = `${Math.floor((100 * step.loaded) / step.total)} %`;
    });
    request.addEventListener("load", () => {
      if (request.status < 300) { location.assign(form.dataset.next); return; }
      let error = { brief: request.statusText, detail: "", remedy: "" };
      try { error = JSON.parse(request.responseText); } catch { /* no words of the server's own */ }
      told.textContent = [error.brief, error.detail, error.remedy].filter(Boolean).join(". ");
      button.disabled = false;
    });
    request.addEventListener("error", () => { told.textContent = form.dataset.lost; button.disabled = false; });
    request.send(data);
  });
}
