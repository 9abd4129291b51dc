"use strict";
// Fetches the figures every second and puts them on the page; only what changed is touched.

const byId = (id) => document.getElementById(id);
const SIGNS = { up: "● UP", down: "▲ DOWN", silent: "◌ PROBER SILENT", empty: "○ NO HISTORY", lost: "◌ PAGE CUT OFF" };
const NOTHING = "–";

function span(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds < 0.0995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function size(bytes) {
  if (bytes === null || bytes === undefined) return NOTHING;
  const mebi = bytes / 1048576;
  return mebi < 1024 ? `${mebi.toFixed(1)} MiB` : `${(mebi / 1024).toFixed(2)} GiB`;
}

const share = (part) => {
  if (part === null || part === undefined) return NOTHING;
  const percent = part * 100;
  return percent < 100 && percent >= 99.95 ? "99.9 %" : `${Number(percent.toFixed(1))} %`;
};
const count = (value) => (value === null || value === undefined ? NOTHING
  : value < 10 && value !== Math.round(value) ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
const clock = (at) => {
  const then = new Date(at * 1000), time = then.toTimeString().slice(0, 8);
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString()} ${time}`;
};

function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function setState(state, headline) {
  if (byId("state").dataset.state !== state) byId("state").dataset.state = state;
  say("state-word", SIGNS[state] || state);
  say("headline", headline);
  document.body.classList.toggle("stale", state === "silent" || state === "lost");
}

function notice(text) {
  byId("notice").hidden = !text;
  say("notice", text);
}

function tiles(data) {
  const now = data.now, told = data.outcomes, window = span(data.window_s);
  const judged = told.right + told.wrong;
  return [
    ["Tokens generated", count(now.generated_per_s), "per second"],
    ["Requests", `${count(now.running)} / ${count(now.waiting)}`, "running / waiting"],
    ["KV cache", share(now.kv_usage), "of running requests"],
    ["Memory", size(now.rss), now.pid ? `process ${now.pid}` : "no process known"],
    ["TTFT", span(data.ttft_s.p50), `p50; p95 ${span(data.ttft_s.p95)}`],
    ["ITL", span(data.itl_s.p50), `p50; p95 ${span(data.itl_s.p95)}`],
    ["Accuracy", data.accuracy === null ? (judged ? "first pass" : NOTHING) : share(data.accuracy),
      data.accurate ? `${told.right} right, ${told.wrong} wrong` : `BELOW the minimum of ${share(data.min_accuracy)}`, !data.accurate],
    ["Failed probes", count(told.failed), `in ${window}`, told.failed > 0],
    ["Down", data.down_s ? span(data.down_s) : "none", `in ${window}`, data.down_s > 0],
    ["Restarts", count(data.restarts), `in ${window}`, data.restarts > 0],
  ];
}

function putTiles(rows) {
  const box = byId("tiles");
  if (box.children.length !== rows.length) {
    box.replaceChildren(...rows.map(() => {
      const tile = document.createElement("div");
      tile.className = "tile";
      for (const part of ["what", "value", "more"]) {
        tile.append(Object.assign(document.createElement("div"), { className: part }));
      }
      return tile;
    }));
  }
  rows.forEach((row, index) => {
    const tile = box.children[index];
    tile.classList.toggle("bad", Boolean(row[3]));
    row.slice(0, 3).forEach((text, part) => {
      if (tile.children[part].textContent !== text) tile.children[part].textContent = text;
    });
  });
}

const shown = {};
function putTable(id, head, rows, none) {
  const written = JSON.stringify(rows);
  if (shown[id] === written) return;
  shown[id] = written;
  const row = (cells, kind) => {
    const line = document.createElement("tr");
    for (const cell of cells) {
      const [text, mark] = Array.isArray(cell) ? cell : [cell, ""];
      line.append(Object.assign(document.createElement(kind), { textContent: text, className: mark }));
    }
    return line;
  };
  byId(id).replaceChildren(...(rows.length ? [row(head, "th"), ...rows.map((cells) => row(cells, "td"))]
    : [row([[none, "none"]], "td")]));
}

function gateRows(gates) {
  return gates.flatMap((gate) => gate.checks.map((check) => [gate.gate, check.name,
    check.passed ? ["✓ passed", "good"] : ["✗ MISSED", "bad"], check.value, check.bound, check.detail]));
}

// Zeros are figures; a mark is for what is wrong.
function engineRow(engine) {
  const name = `${engine.host}/${engine.replica}`;
  const unknown = { unwatched: "◌ not watched", unreachable: "◌ host is off" }[engine.state];
  if (unknown) return [name, [unknown, "bad"], ...Array(7).fill(NOTHING)];
  const marked = (value) => [count(value), value ? "bad" : ""];
  return [name, engine.state === "up" ? ["● up", "good"] : [`▲ ${engine.state}`, "bad"],
    `${count(engine.running)} / ${count(engine.waiting)}`, count(engine.generated_per_s), span(engine.ttft_s),
    share(engine.accuracy), size(engine.rss), marked(engine.failed), marked(engine.crashes)];
}

const ENGINE = ["engine", "state", "running / waiting", "tokens/s", "TTFT", "right", "memory", "failed probes", "crashes"];
function putEngines(engines) {
  byId("each-engine").hidden = !engines.length;
  putTable("engines", ENGINE, engines.map(engineRow), "");
}

function eventRow(event) {
  const words = { down: "engine down", restart: "engine restarted", unwatched: "nobody watched" };
  const length = event.kind === "restart" ? "" : event.ended === null ? ["still", "bad"] : span(event.ended - event.started);
  return [clock(event.started), words[event.kind] || event.kind, length, event.detail];
}

function probeRow(probe) {
  const marks = { right: ["✓ right", "good"], wrong: ["✗ WRONG", "bad"], failed: ["▲ no answer", "bad"] };
  return [clock(probe.at), marks[probe.outcome] || "not judged", probe.name, span(probe.ttft_s), span(probe.itl_s), probe.detail];
}

function show(data) {
  const about = data.deployment;
  document.title = `${data.state === "up" ? "" : `${data.state}: `}${about.name} – llmdeploy`;
  say("name", about.name);
  say("about", `${about.model} on ${about.engine} at ${about.url} · plan ${about.plan}`);
  setState(data.state, data.headline);
  notice("");
  putTable("gates", ["gate", "check", "result", "value", "bound", ""], gateRows(data.gates), "No gate was run yet.");
  putEngines(data.engines);
  if (data.state === "empty") return;
  putTiles(tiles(data));
  charts.draw(data);
  putTable("events", ["began", "what", "length", ""], data.events.map(eventRow), `None in the last ${span(data.window_s)}.`);
  putTable("probes", ["at", "answer", "prompt", "TTFT", "ITL", ""], data.probes.map(probeRow), "No probe was sent yet.");
  say("updated", `Updated ${clock(data.at)}; the last ${span(data.window_s)}.`);
}

let reached = Date.now();
async function refresh() {
  try {
    const answer = await fetch("/data.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    const data = await answer.json();
    if (!answer.ok) throw new Error(`${data.error || answer.status}${data.hint ? ` (${data.hint})` : ""}`);
    reached = Date.now();
    show(data);
  } catch (error) {
    const lost = span((Date.now() - reached) / 1000);
    if (error instanceof TypeError && !navigator.onLine) console.warn(error);
    setState("lost", `No new figures for ${lost}: is \`llmdeploy monitor --web\` still running?`);
    notice(error instanceof Error ? error.message : String(error));
  }
}

async function loop() {
  const begun = Date.now();
  if (!document.hidden) await refresh();
  setTimeout(loop, Math.max(100, 1000 - (Date.now() - begun)));
}

loop();
