// <dialgraph-call sid="..."> shows one call: its words in step with its sound, and what it waited for.

import { drawWaterfall } from "./waterfall.js";

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i; // loses its dashes in the API's ids
const WAYS = { inbound: "came in", outbound: "went out", browser: "from a browser" };

class DialgraphCall extends HTMLElement {
  static observedAttributes = ["sid"];

  attributeChangedCallback() {
    this.#load(this.getAttribute("sid"));
  }

  async #load(sid) {
    if (!sid) return this.replaceChildren();
    const answer = await fetch(`api/calls/${encodeURIComponent(sid)}`).catch(() => null);
    if (sid !== this.getAttribute("sid")) return; // another one was chosen meanwhile
    if (!answer?.ok) return this.replaceChildren(notice(`There is no call ${sid} any more.`));
    const call = await answer.json();
    this.#show(call);
    if (call.transcript.some((said) => said.message_id)) await this.#explain(call);
  }

  /** Put beside the words what was looked up, done and left out for them, as the API has it. */
  async #explain(call) {
    const thread = call.thread_id;
    const id = UUID.test(thread) ? thread.replaceAll("-", "") : thread;
    const address = `v1/convai/conversations/conv_${encodeURIComponent(id)}`;
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok || call.sid !== this.getAttribute("sid")) return;
    const { transcript } = await answer.json();
    const lines = new Map([...this.querySelectorAll("[data-message]")].map((line) => [line.dataset.message, line]));
    let waiting = [];
    for (const entry of transcript) {
      waiting.push(...explanations(entry));
      const line = lines.get(entry.id);
      if (!line || !waiting.length) continue;
      line.append(...waiting);
      waiting = [];
    }
    this.querySelector(".record-line:last-child")?.append(...waiting); // what was done after the last words
  }

  #show(call) {
    const lines = make("ol", "record-lines");
    lines.append(...call.transcript.map((said) => line(said)));
    const parts = [heading(call), facts(call)];
    if (call.failure) parts.push(notice(call.failure));
    if (call.recording) parts.push(player(call, lines));
    parts.push(call.transcript.length ? lines : make("p", "quiet", "Nothing was said."));
    const waited = make("div", "call-waterfall");
    parts.push(waited);
    this.replaceChildren(...parts);
    drawWaterfall(waited, call.latency, call.latency.length);
    if (!waited.hidden) waited.before(make("h3", "", "What each answer waited for"));
  }
}

function heading(call) {
  const title = make("h2", "", call.outcome || call.status);
  const links = make("p", "record-links");
  const thread = encodeURIComponent(call.thread_id);
  links.append(link(`./?graph=${encodeURIComponent(call.graph)}&thread=${thread}`, "Its conversation and state"));
  if (call.graph === "eligibility") links.append(link(`api/eligibility/${thread}/certificate`, "Decision certificate"));
  links.append(link(`api/calls/${encodeURIComponent(call.sid)}`, "As JSON"));
  const head = make("header", "record-head");
  head.append(title, links);
  return head;
}

function facts(call) {
  const list = make("dl", "record-facts");
  const known = {
    Began: new Date(call.started_at).toLocaleString(),
    Way: WAYS[call.direction] ?? call.direction,
    From: call.from_number,
    To: call.to_number,
    "Held by": call.agent_id ?? call.graph,
    "Taken by": call.answered_by,
    Call: call.sid,
  };
  for (const [name, value] of Object.entries(known)) {
    if (!value) continue;
    const pair = make("div");
    pair.append(make("dt", "", name), make("dd", "", value));
    list.append(pair);
  }
  return list;
}

function line(said) {
  const item = make("li", `record-line record-${said.role}`);
  const text = said.text || "(nothing of it was heard)";
  item.append(make("span", "record-who", said.role === "bot" ? "Bot" : "Caller"));
  item.append(make("span", "record-text", said.interrupted && said.text ? `${text} …` : text));
  item.dataset.at = Date.parse(said.at);
  if (said.message_id) item.dataset.message = said.message_id;
  return item;
}

/** What an entry of the conversation has beside its words, to be opened. */
function explanations(entry) {
  const found = entry.tool_calls.map((call) =>
    opened(`Called ${call.tool_name}`, [call.params_as_json]),
  );
  for (const result of entry.tool_results) {
    found.push(opened(`${result.tool_name} ${result.is_error ? "failed" : "answered"}`, [result.result_value]));
  }
  const looked = entry.rag_retrieval_info;
  if (looked) {
    const secs = `${(looked.rag_latency_secs * 1000).toFixed(1)} ms, ${looked.embedding_model}`;
    const chunks = looked.chunks.map(
      (chunk) => `${(1 - chunk.vector_distance).toFixed(2)}  ${chunk.document_id}  ${chunk.chunk_id}`,
    );
    found.push(opened(`Looked up: ${looked.retrieval_query} (${secs})`, chunks.length ? chunks : ["Nothing found."]));
  }
  for (const { sentence, claims } of entry.grounding_replaced ?? []) {
    found.push(opened("Not said, because nothing shows it", [sentence, claims && JSON.stringify(claims)]));
  }
  return found;
}

function opened(title, lines) {
  const details = make("details", "record-more");
  details.append(make("summary", "", title), make("pre", "", lines.filter(Boolean).join("\n")));
  return details;
}

/** The sound, and the words lit while they are heard; a click on words plays from there. */
function player(call, lines) {
  const sound = make("audio", "record-sound");
  sound.controls = true;
  sound.preload = "metadata";
  sound.src = `api/calls/${encodeURIComponent(call.sid)}/recording`;
  // The recording ends with the call; it begins with the sound, which may be later than the ringing.
  const begins = () => Date.parse(call.ended_at) - sound.duration * 1000;
  const offset = (item) => Math.max(0, (Number(item.dataset.at) - begins()) / 1000);
  sound.addEventListener("loadedmetadata", () => {
    if (!call.ended_at || !Number.isFinite(sound.duration)) return;
    for (const item of lines.children) {
      const button = make("button", "record-at", clock(offset(item)));
      button.type = "button";
      button.addEventListener("click", () => {
        sound.currentTime = offset(item);
        sound.play().catch(() => {}); // the browser may want a click on the player first
      });
      item.prepend(button);
    }
  });
  sound.addEventListener("timeupdate", () => {
    const heard = [...lines.children].filter((item) => offset(item) <= sound.currentTime + 0.05);
    for (const item of lines.children) item.classList.toggle("record-now", item === heard.at(-1));
  });
  return sound;
}

function clock(secs) {
  return `${Math.floor(secs / 60)}:${String(Math.floor(secs % 60)).padStart(2, "0")}`;
}

function notice(text) {
  const paragraph = make("p", "notice", text);
  paragraph.setAttribute("role", "alert");
  return paragraph;
}

function link(address, text) {
  const anchor = make("a", "", text);
  anchor.href = address;
  return anchor;
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

customElements.define("dialgraph-call", DialgraphCall);
