// A guest's serial console: xterm.js over this page's socket.

import { Terminal } from "../../vendor/xterm/lib/xterm.mjs";
import { FitAddon } from "../../vendor/xterm-addon-fit/lib/addon-fit.mjs";
import { ending, say, socketUrl, words } from "./socket.js";

const PIECE = 16384; // bytes in one message, of what is pasted

// xterm.js writes <style> elements and style attributes, which this page's policy does not let in. Here the text of the first
// becomes a sheet of the document, and the second are set property by property: both are the same to the policy as a file's.
const create = document.createElement.bind(document);
document.createElement = (tag, ...more) => {
  const element = create(tag === "style" ? "template" : tag, ...more); // an empty <style> is refused too
  if (tag === "style") {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    Object.defineProperty(element, "textContent", { get: () => "", set: (text) => sheet.replaceSync(text) });
  }
  return element;
};
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") {
    this.style.cssText = value;
  } else {
    setAttribute.call(this, name, value);
  }
};

const terminal = new Terminal({ scrollback: 5000, cursorBlink: true });
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
  say(words.connected);
  terminal.focus();
});
socket.addEventListener("message", (event) => terminal.write(new Uint8Array(event.data)));
socket.addEventListener("close", (event) => say(ending(event, opened)));
terminal.onData((text) => send(new TextEncoder().encode(text)));
terminal.onBinary((text) => send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
