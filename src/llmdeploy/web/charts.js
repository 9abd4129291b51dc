"use strict";
// Draws the series of a snapshot. Every chart is drawn once and then updated in place, so nothing flickers.

const charts = (() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dates = (column) => column.map((at) => new Date(at * 1000));
  const times = (column, factor) => (column || []).map((value) => (value === null ? null : value * factor));

  const line = (name, x, y, colour, dash, more) =>
    ({ type: "scatter", mode: "lines", name, x, y, line: { color: colour, width: 2, dash }, ...more });
  const dots = (name, x, y, colour, symbol, more) =>
    ({ type: "scatter", mode: "markers", name, x, y, marker: { color: colour, symbol, size: 7 }, ...more });

  function layout(data, axis) {
    const soft = css("--soft"), lines = css("--line");
    const { start, end } = stretch(data), tall = end - start;
    const format = tall < 3600e3 ? "%H:%M:%S" : tall < 172800e3 ? "%H:%M" : "%d %b %H:%M";
    return {
      margin: { l: 52, r: 8, t: 4, b: 24 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: soft, size: 12, family: "system-ui, DejaVu Sans, sans-serif" },
      showlegend: false, hovermode: "x unified", hoverlabel: { bgcolor: css("--card"), font: { color: css("--ink") } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      xaxis: { type: "date", range: [new Date(start), new Date(end)], gridcolor: lines,
        tickformat: format, hoverformat: "%d %b %H:%M:%S", nticks: 4, tickangle: 0, fixedrange: true, zeroline: false },
      yaxis: { gridcolor: lines, fixedrange: true, zeroline: false, rangemode: "tozero", nticks: 5, ...axis },
    };
  }

  // The window, from its first point on where the history is younger; in milliseconds, at least a minute.
  function stretch(data) {
    const first = Math.min(data.series.samples.at[0] ?? Infinity, data.at - 60);
    return { start: Math.max(first, data.at - data.window_s) * 1000, end: data.at * 1000 };
  }

  const legend = (shape) => ({ ...shape, showlegend: true, margin: { ...shape.margin, t: 26 } });
  // At least up to `least`, so that an idle engine shows a flat line at the bottom rather than a magnified nothing.
  const upTo = (least, ...columns) => {
    const most = columns.flat().reduce((high, value) => Math.max(high, value ?? 0), least);
    return { range: [0, most * 1.08], autorange: false };
  };

  function health(data) {
    const s = data.series.samples, x = dates(s.at);
    const bars = (name, up, colour, pattern) => ({
      type: "bar", name, x, y: s.up.map((value) => (value === up ? 1 : null)), width: widths(s.at, data),
      marker: { color: colour, line: { width: 0 }, pattern: { shape: pattern, fillmode: "overlay", fgcolor: css("--card"), size: 6, solidity: 0.2 } },
      hovertemplate: `${name}<extra></extra>`, offset: 0,
    });
    const shape = layout(data, { visible: false, range: [0, 1] });
    return [[bars("up", 1, css("--good"), ""), bars("DOWN", 0, css("--bad"), "x")],
      legend({ ...shape, barmode: "overlay", bargap: 0, margin: { ...shape.margin, l: 8 } })];
  }

  // From each point to the next, in milliseconds; a pause in the series stays empty.
  function widths(at, data) {
    const usual = Math.max(data.window_s / 300, 1.2);
    return at.map((from, index) => 1000 * Math.min((at[index + 1] ?? data.at) - from, 2.5 * usual));
  }

  function tokens(data) {
    const s = data.series.samples, x = dates(s.at);
    return [[line("generated", x, s.generated_per_s, css("--first")),
      line("prompt", x, s.prompt_per_s, css("--second"), "dot")],
    legend(layout(data, upTo(10, s.generated_per_s, s.prompt_per_s)))];
  }

  function queue(data) {
    const s = data.series.samples, x = dates(s.at), stepped = { line: { shape: "hv", width: 2 } };
    const step = (name, y, colour, dash) => line(name, x, y, colour, dash, { line: { ...stepped.line, color: colour, dash } });
    return [[step("running", s.running, css("--first")), step("waiting", s.waiting, css("--second"), "dot")],
      legend(layout(data, upTo(4, s.running, s.waiting)))];
  }

  const percent = { range: [0, 105], tickmode: "array", tickvals: [0, 50, 100], ticktext: ["0 %", "50 %", "100 %"] };

  function kv(data) {
    const s = data.series.samples;
    return [[line("KV cache", dates(s.at), times(s.kv_usage, 100), css("--first"), "solid", { fill: "tozeroy" })],
      layout(data, percent)];
  }

  function memory(data) {
    const s = data.series.samples, y = times(s.rss, 1 / 1048576);
    return [[line("memory", dates(s.at), y, css("--first"), "solid", { fill: "tozeroy" })],
      layout(data, { ...upTo(16, y), ticksuffix: " MiB" })];
  }

  function latency(data) {
    const p = data.series.probes, x = dates(p.at);
    const ttft = times(p.ttft_s, 1000), itl = times(p.itl_s, 1000).map((value) => value || null);
    return [[dots("TTFT", x, ttft, css("--first"), "circle"), dots("ITL", x, itl, css("--second"), "diamond-open")],
      legend(layout(data, { type: "log", rangemode: "normal", ticksuffix: " ms", dtick: 1, nticks: 0 }))];
  }

  function correct(data) {
    const p = data.series.probes, x = dates(p.at);
    const pick = (test) => p.right.map((share, index) => (test(share, index) ? (share ?? 0) * 100 : null));
    const failed = (index) => p.failed[index] > 0;
    return [[
      dots("right", x, pick((share) => share === 1), css("--good"), "circle"),
      dots("WRONG", x, pick((share) => share !== null && share < 1), css("--bad"), "x"),
      dots("no answer", x, pick((_, index) => failed(index)), css("--warn"), "triangle-up"),
    ], legend(layout(data, { ...percent, range: [-8, 108] }))];
  }

  const all = { health, tokens, queue, kv, memory, latency, correct };

  return {
    draw(data) {
      for (const [id, make] of Object.entries(all)) {
        const [traces, shape] = make(data);
        Plotly.react(id, traces, shape, { displayModeBar: false, responsive: true });
      }
    },
  };
})();
