// What the caller waited for in the last turns: one bar a turn, cut into its parts.

const MOST_TURNS = 5;
const STAGES = {
  endpoint: "pause",
  stt: "words",
  turn: "end of turn",
  graph: "graph",
  model: "model",
  overhead: "our own",
  tts: "voice",
  carrier: "line",
  lead_silence: "silence in the voice",
};

/** Draw the last turns into an element; `turns` are the `latency` messages of the call. */
export function drawWaterfall(element, turns, most = MOST_TURNS) {
  const shown = turns.filter(({ parts }) => parts?.length).slice(-most);
  const longest = Math.max(...shown.map(({ ear_ms: ear }) => ear));
  const stages = Object.keys(STAGES).filter((stage) =>
    shown.some(({ parts }) => parts.some((part) => part.stage === stage)),
  );
  element.hidden = !shown.length;
  element.replaceChildren(...shown.map((turn) => row(turn, longest)), legend(stages));
}

function row({ turn, parts, ear_ms: ear }, longest) {
  const bar = make("div", "waterfall-bar");
  bar.append(
    ...parts.map((part) => {
      const cut = make("i");
      cut.dataset.stage = part.stage;
      cut.style.left = percent(part.start_ms, longest);
      cut.style.width = percent(part.ms, longest);
      cut.title = `${named(part)} ${part.ms.toFixed(0)} ms`;
      return cut;
    }),
  );
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", `Turn ${turn}: ${[...bar.children].map((c) => c.title).join(", ")}`);
  const line = make("div", "waterfall-turn");
  line.append(make("span", "", String(turn)), bar, make("span", "", `${ear.toFixed(0)} ms`));
  return line;
}

function legend(stages) {
  const list = make("div", "waterfall-legend");
  list.append(
    ...stages.map((stage) => {
      const entry = make("span", "", STAGES[stage]);
      const colour = make("i");
      colour.dataset.stage = stage;
      entry.prepend(colour);
      return entry;
    }),
  );
  return list;
}

function named({ stage, name }) {
  return name ? `${STAGES[stage]} ${name}` : STAGES[stage];
}

function percent(ms, whole) {
  return `${((100 * ms) / whole).toFixed(2)}%`;
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
