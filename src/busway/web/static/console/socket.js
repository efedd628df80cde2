// Where a console's socket is: the path in this page's query, as noVNC's own page takes it, on this page's host alone.

export function socketUrl() {
  const path = new URLSearchParams(location.search).get("path") || "";
  const url = new URL(path, location.origin + "/");
  if (url.host !== location.host) {
    throw new Error("This link leads to another host");
  }
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export function say(text) {
  document.getElementById("status").textContent = text;
}

// What a closed socket says: the words of the other side, or of a link that never opened.
export function ending(event, opened) {
  if (event && event.reason) {
    return event.reason + ".";
  }
  return opened ? "The console has ended." : "The console could not be opened. Links end after some minutes: ask for a new one.";
}
