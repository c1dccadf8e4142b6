// The voice tab: <dialgraph-voice> shows one call and follows it in the drawing of the graph.

import { Line, LineError } from "./voice_line.js";
import { drawWaterfall } from "./waterfall.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const KEY_NAMES = { "*": "star", "#": "hash" };
const SPEAKING = {
  caller: "You are speaking",
  bot: "Dialgraph is speaking",
  nobody: "Listening",
};
const TEMPLATE = `
  <div class="call" data-phase="idle" data-speaking="nobody">
    <ol class="call-lines" role="log" aria-label="Live transcript" tabindex="0"></ol>
    <div class="call-welcome">
      <p class="call-invitation">Talk with the same conversation</p>
      <p>Speak as on the telephone: interrupt whenever you like. The microphone is open only while
        the call lasts.</p>
    </div>
    <p class="notice call-problem" role="alert" hidden></p>
    <div class="call-waterfall" role="group" aria-label="What the last answers waited for" hidden></div>
    <div class="call-keys" role="group" aria-label="Keypad" id="call-keys" hidden></div>
    <div class="call-bar">
      <span class="call-level" aria-hidden="true"><i></i></span>
      <div class="call-telling">
        <p class="call-status" role="status">Ready</p>
        <p class="call-latency" aria-label="Time to answer"></p>
      </div>
      <button type="button" class="call-mute" aria-pressed="false" data-in-call>Mute</button>
      <button type="button" class="call-keypad" aria-expanded="false" aria-controls="call-keys"
        data-in-call>Keypad</button>
      <button type="button" class="call-hang-up" aria-keyshortcuts="Escape" data-in-call>Hang up</button>
      <button type="button" class="call-start">Start talking</button>
    </div>
  </div>`;

class DialgraphVoice extends HTMLElement {
  #line = null;
  #thread = "";
  #answers = new Map();
  #muted = false;

  connectedCallback() {
    if (this.firstElementChild) return;
    this.innerHTML = TEMPLATE;
    this.#part("keys").append(...KEYS.map((key) => this.#key(key)));
    this.#part("start").addEventListener("click", () => this.#start());
    this.#part("hang-up").addEventListener("click", () => this.#hangUp());
    this.#part("mute").addEventListener("click", () => this.#mute(!this.#muted));
    this.#part("keypad").addEventListener("click", () => this.#showKeys(this.#part("keys").hidden));
    this.addEventListener("keydown", (event) => this.#onKey(event));
    window.addEventListener("dialgraph:conversation", ({ detail }) => this.#moved(detail.thread));
    this.#enter("idle");
  }

  #part(name) {
    return this.querySelector(`.call-${name}`);
  }

  #key(key) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = key;
    button.setAttribute("aria-label", `Key ${KEY_NAMES[key] ?? key}`);
    button.addEventListener("click", () => this.#press(key));
    return button;
  }

  async #start() {
    const { searchParams } = new URL(location.href);
    this.#thread = searchParams.get("thread") ?? "";
    this.#problem("");
    this.#enter("connecting", "Waiting for the microphone…");
    const line = new Line();
    this.#line = line;
    line.addEventListener("microphone", () => this.#say("Connecting…"));
    line.addEventListener("message", ({ detail }) => this.#hear(detail));
    line.addEventListener("level", ({ detail }) => this.#level(detail));
    line.addEventListener("closed", ({ detail }) => this.#closed(detail));
    try {
      await line.open(searchParams.get("graph") ?? "", this.#thread);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      if (this.#line === line) this.#closed(error.message, "refused");
      return;
    }
    if (this.#line !== line) return;
    this.#enter("talking", SPEAKING.nobody);
    this.#mute(false);
    if (new URL(location.href).searchParams.get("thread") !== this.#thread) this.#hangUp();
    this.#part("hang-up").focus();
  }

  #hangUp() {
    this.#say("Hanging up…");
    this.#line?.hangUp();
  }

  #press(digit) {
    this.#line?.send({ type: "keys", digit });
  }

  #onKey(event) {
    if (this.#phase !== "talking" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") this.#hangUp();
    else if (KEYS.includes(event.key)) this.#press(event.key);
    else return;
    event.preventDefault();
  }

  /** The page went on to another conversation: this call belongs to the one before. */
  #moved(thread) {
    if (this.#phase === "talking" && thread !== this.#thread) this.#hangUp();
    if (thread !== this.#thread && this.#phase !== "talking") {
      this.#part("lines").replaceChildren();
      this.#answers.clear();
      this.#part("latency").textContent = "";
      this.#part("waterfall").hidden = true;
      this.#problem("");
      if (this.#phase !== "connecting") this.#enter("idle");
    }
  }

  #hear(message) {
    if (message.type === "transcript") this.#write(message);
    else if (message.type === "speaking") this.#speaking(message.who);
    else if (message.type === "latency") this.#latency(message);
    else if (message.type === "node") light(message.name);
    else if (message.type === "error") this.#problem(message.message);
    if (message.type === "state" || message.type === "ended") {
      this.dispatchEvent(new CustomEvent("dialgraph:turn", { bubbles: true }));
    }
  }

  #write({ role, id, text, final }) {
    const lines = this.#part("lines");
    const known = [...lines.children].find((line) => line.dataset.id === `${role}:${id}`);
    const line = known ?? document.createElement("li");
    line.dataset.id = `${role}:${id}`;
    line.className = `${role}${final ? "" : " pending"}`;
    const who = document.createElement("span");
    who.className = "call-who";
    who.textContent = role === "caller" ? "You: " : "Dialgraph: ";
    line.replaceChildren(who, text);
    if (!text) line.remove();
    else if (!known) lines.append(line);
    lines.scrollTop = lines.scrollHeight;
  }

  #speaking(who) {
    this.firstElementChild.dataset.speaking = who;
    this.#say(who !== "bot" && this.#muted ? "You are muted" : SPEAKING[who]);
  }

  /** Take how long an answer took; what is known later of a turn comes again. */
  #latency(answer) {
    if (answer.total_ms == null) return;
    this.#answers.set(answer.turn, answer);
    const turns = [...this.#answers.values()];
    const middle = median(turns.map(({ total_ms: total }) => total));
    this.#part("latency").textContent =
      `Answered in ${secs(answer.total_ms)}, median ${secs(middle)}`;
    drawWaterfall(this.#part("waterfall"), turns);
  }

  #level(level) {
    const shown = this.#muted ? 0 : Math.min(1, Math.sqrt(level) * 1.6);
    this.style.setProperty("--level", shown.toFixed(3));
  }

  #mute(muted) {
    this.#muted = muted;
    this.#line?.mute(muted);
    const button = this.#part("mute");
    button.setAttribute("aria-pressed", String(muted));
    button.textContent = muted ? "Unmute" : "Mute";
    this.#speaking(this.firstElementChild.dataset.speaking);
  }

  #showKeys(shown) {
    this.#part("keys").hidden = !shown;
    this.#part("keypad").setAttribute("aria-expanded", String(shown));
  }

  #closed(problem, phase = problem ? "failed" : "ended") {
    const held = this.contains(document.activeElement);
    this.#line = null;
    this.#level(0);
    this.firstElementChild.dataset.speaking = "nobody";
    this.#problem(problem ?? "");
    this.#enter(phase, problem ? "Not connected" : "The call has ended");
    if (held) this.#part("start").focus();
  }

  #problem(text) {
    this.#part("problem").textContent = text;
    this.#part("problem").hidden = !text;
  }

  #say(text) {
    const status = this.#part("status");
    if (status.textContent !== text) status.textContent = text;
  }

  get #phase() {
    return this.firstElementChild.dataset.phase;
  }

  #enter(phase, status = "Ready") {
    this.firstElementChild.dataset.phase = phase;
    this.#say(status);
    const names = {
      connecting: "Connecting…",
      refused: "Try again",
      failed: "Reconnect",
      ended: "Talk again",
    };
    const start = this.#part("start");
    start.textContent = names[phase] ?? "Start talking";
    start.hidden = phase === "talking";
    start.disabled = phase === "connecting";
    for (const button of this.querySelectorAll("[data-in-call]")) {
      button.hidden = phase !== "talking";
    }
    if (phase !== "talking") this.#showKeys(false);
  }
}

/** Light the node that ran last in the drawing; the one before stays marked. */
function light(name) {
  for (const node of document.querySelectorAll("svg.graph .node.lit")) {
    node.classList.replace("lit", "ran");
  }
  const node = document.querySelector(`svg.graph [data-node="${CSS.escape(name)}"]`);
  node?.classList.remove("ran");
  node?.classList.add("lit");
}

function secs(milliseconds) {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

customElements.define("dialgraph-voice", DialgraphVoice);
