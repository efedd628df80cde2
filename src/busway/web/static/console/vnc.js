// A guest's screen: noVNC over this page's socket.

import RFB from "../../vendor/novnc/core/rfb.js";
import { ending, say, socketUrl, words } from "./socket.js";

const keys = document.getElementById("keys");
const socket = new WebSocket(socketUrl(), ["binary"]);
let opened = false;
let last = null;
socket.addEventListener("close", (event) => { last = event; });

const rfb = new RFB(document.getElementById("place"), socket, { shared: true });
rfb.scaleViewport = true;
rfb.addEventListener("connect", () => {
  opened = true;
  keys.disabled = false;
  say(words.connected);
  rfb.focus();
});
rfb.addEventListener("disconnect", () => {
  keys.disabled = true;
  say(ending(last, opened));
});
rfb.addEventListener("desktopname", (event) => { document.title = event.detail.name; });
keys.addEventListener("click", () => { rfb.sendCtrlAltDel(); rfb.focus(); });
