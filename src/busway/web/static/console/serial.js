// A guest's serial console: xterm.js over this page's socket.

import { Terminal } from "../../vendor/xterm/lib/xterm.mjs";
import { FitAddon } from "../../vendor/xterm-addon-fit/lib/addon-fit.mjs";
import { ending, say, socketUrl } from "./socket.js";

const PIECE = 16384; // bytes in one message, of what is pasted

// xterm.js writes <style> elements, which this page's policy does not let in. Their text becomes sheets of the document, which it does.
function quietStyles(real) {
  const element = real.createElement("style");
  const sheet = new CSSStyleSheet();
  real.adoptedStyleSheets = [...real.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (text) => sheet.replaceSync(text),
  });
  return element;
}

const guarded = new Proxy(document, {
  get(real, name) {
    if (name === "createElement") {
      return (tag, ...more) => (tag === "style" ? quietStyles(real) : real.createElement(tag, ...more));
    }
    const value = Reflect.get(real, name, real);
    return typeof value === "function" ? value.bind(real) : value;
  },
});

const terminal = new Terminal({ documentOverride: guarded, scrollback: 5000, cursorBlink: true });
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(document.getElementById("place"));
fit.fit();
window.addEventListener("resize", () => fit.fit());

const socket = new WebSocket(socketUrl(), ["binary"]);
socket.binaryType = "arraybuffer";
let opened = false;

function send(bytes) {
  for (let at = 0; at < bytes.length && socket.readyState === WebSocket.OPEN; at += PIECE) {
    socket.send(bytes.subarray(at, at + PIECE));
  }
}

socket.addEventListener("open", () => {
  opened = true;
  say("Connected. If nothing is shown, press Enter.");
  terminal.focus();
});
socket.addEventListener("message", (event) => terminal.write(new Uint8Array(event.data)));
socket.addEventListener("close", (event) => say(ending(event, opened)));
terminal.onData((text) => send(new TextEncoder().encode(text)));
terminal.onBinary((text) => send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
