// Where a console's socket is: the path in this page's query, as noVNC's own page takes it, on this page's host alone.

export function socketUrl() {
  const path = new URLSearchParams(location.search).get("path") || "";
  const url = new URL(path, location.origin + "/");
  if (url.host !== location.host) {
    say(words.elsewhere);
    throw new Error(words.elsewhere);
  }
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

const status = document.getElementById("status");
export const words = status.dataset;

export function say(text) {
  status.textContent = text;
}

// What a closed socket says: the words of the other side, or of a link that never opened.
export function ending(event, opened) {
  if (event && event.reason) {
    return event.reason + ".";
  }
  return opened ? words.ended : words.failed;
}
