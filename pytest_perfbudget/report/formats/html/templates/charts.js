// Draws charts from data whose labels are made already.

const HEIGHT = 220;
const HIGHEST = 500;
const MARGIN = { top: 12, right: 18, bottom: 30, left: 66 };
const LINE_OF_TEXT = 14;
const WIDTH_OF_SIGN = 6.6;
const LINE_BELOW = 17;
const LEAST_ROOM = 6.3; // of the seven pixels between the middle of a label and its edge
const SAMPLES = 24; // of the room for a label
const WIDE = 460; // a chart that has room for the source of a limit
const MEDIAN_AT = 0.35; // the median's place: the upper half of the distribution has more room, because limits lie there

// The used share of a limit: the number, the interval and the limit, which has the same place on every bar.
function budgetBar(budget) {
  const { at, low, high, limit, is_beyond: isBeyond } = budget.bar;
  const parts = [
    svg("rect", { class: "track", x: 0, y: 4, width: "100%", height: 4, rx: 2 }),
    svg("rect", { class: "fill", x: 0, y: 4, width: percentOf(at), height: 4, rx: 2 }),
  ];
  if (isBeyond) {
    parts.push(svg("svg", { class: "beyond", x: "100%", width: 6, height: 12 }, svg("path", { class: "fill", d: "M-1 1L6 6L-1 11z" })));
  } else if (low !== undefined && high !== undefined) {
    parts.push(svg("line", { class: "interval", x1: percentOf(low), x2: percentOf(high), y1: 6, y2: 6 }));
  }
  parts.push(svg("line", { class: "limit", x1: percentOf(limit), x2: percentOf(limit), y1: 0, y2: 12 }));
  const label = `${budget.metric} ${budget.measured}, limit ${budget.limit}`;
  return svg("svg", { class: `bar ${statusOf(budget)}`, width: "100%", height: 12, role: "img", "aria-label": label }, ...parts);
}

// The size of the page's texts over that on a usual screen: a wide window enlarges charts and texts alike.
const zoom = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;

// A chart that is drawn anew whenever its width changes, because its texts keep their size.
function sized(label, draw) {
  const canvas = svg("svg", { class: "chart", role: "img", "aria-label": label, height: HEIGHT });
  let drawn = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width / zoom());
    if (!width || width === drawn) return;
    drawn = width;
    const parts = draw(width);
    const below = parts.filter((one) => one.classList.contains("below")).length;
    const height = HEIGHT + (below && LINE_BELOW * below + 4);
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.setAttribute("height", height * zoom());
    canvas.replaceChildren(...parts);
  }).observe(canvas);
  return canvas;
}

// The height of a place on the vertical axis, which the data count from 0 to HIGHEST.
function vertical(place) {
  const bottom = HEIGHT - MARGIN.bottom;
  return bottom - (place / HIGHEST) * (bottom - MARGIN.top);
}

function frame(chart, width) {
  const right = width - MARGIN.right;
  return chart.ticks.flatMap(([place, label]) => [
    svg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: vertical(place), y2: vertical(place) }),
    svg("text", { class: "tick", x: MARGIN.left - 8, y: vertical(place) + 4, "text-anchor": "end" }, label),
  ]);
}

// Reference lines with their labels. A label stands above or below its line, where it covers neither a curve nor another
// line. A line whose label has no such place has a number at its end, and its label stands below the chart.
function references(chart, width, curves = []) {
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  const most = Math.floor((right - left) / WIDTH_OF_SIGN) - 1;
  const ordered = [...chart.lines].sort((one, other) => one.at - other.at);
  const labels = [];
  const numbered = [];
  const drawn = ordered.flatMap((line) => {
    const at = vertical(line.at);
    const stroke = svg("line", { class: `reference ${line.kind}`, x1: left, x2: right, y1: at, y2: at }, svg("title", {}, `${line.label}: ${line.source}`));
    const text = shortened(width > WIDE ? `${line.label} · ${line.source}` : line.label, most);
    const long = WIDTH_OF_SIGN * text.length;
    const isFree = ({ x, y }) =>
      ordered.every((one) => one === line || vertical(one.at) < y - LINE_OF_TEXT || vertical(one.at) > y + 5) &&
      labels.every((one) => Math.abs(one.y - y) >= LINE_OF_TEXT || x > one.to || x + long < one.from);
    const heights = [at - 5, at + LINE_OF_TEXT].filter((y) => y >= MARGIN.top - 2 && y <= HEIGHT - MARGIN.bottom + 2);
    const places = heights.flatMap((y) => [{ x: left + 6, y }, { x: right - 6 - long, y }]).filter(isFree);
    const rooms = places.map(({ x, y }) => ({ x, y, room: roomFor(curves, [x, x + long], y - 4) }));
    const best = rooms.reduce((one, other) => (other.room > one.room ? other : one), { room: LEAST_ROOM });
    if (best.x === undefined) {
      numbered.push({ line, at });
      return [stroke];
    }
    labels.push({ from: best.x, to: best.x + long, y: best.y });
    const place = best.x === left + 6 ? { x: best.x } : { x: right - 6, "text-anchor": "end" };
    return [stroke, svg("text", { class: `label ${line.kind}`, ...place, y: best.y }, text)];
  });
  return [...drawn, ...numbersOf(numbered, width)];
}

// The numbers at the ends of lines, from the uppermost line on, and the labels below the chart that they stand for.
function numbersOf(numbered, width) {
  const most = Math.floor((width - MARGIN.left) / WIDTH_OF_SIGN) - 4;
  let last = -Infinity;
  return numbered.reverse().flatMap(({ line, at }, place) => {
    last = Math.max(at + 4, last + LINE_OF_TEXT - 2);
    const text = shortened(`${place + 1}  ${width > WIDE ? `${line.label} · ${line.source}` : line.label}`, most);
    return [
      svg("text", { class: `label ${line.kind}`, x: width - MARGIN.right + 4, y: last }, String(place + 1)),
      svg("text", { class: `below ${line.kind}`, x: MARGIN.left, y: HEIGHT + 9 + place * LINE_BELOW }, text),
    ];
  });
}

const shortened = (text, most) => (text.length > most ? `${text.slice(0, Math.max(most - 1, 1))}\u2026` : text);

// The room that curves leave for a text at a height, as the mean over the text: a single spike takes little of it.
function roomFor(curves, [from, to], y) {
  const rooms = Array.from({ length: SAMPLES }, (_, at) => {
    const x = from + (at * (to - from)) / (SAMPLES - 1);
    return Math.min(...curves.map((points) => Math.abs(heightAt(points, x) - y)), LINE_OF_TEXT / 2);
  });
  return rooms.reduce((one, other) => one + other, 0) / SAMPLES;
}

// The height of a curve at a place; infinite beside the curve.
function heightAt(points, x) {
  const next = points.findIndex(([at]) => at >= x);
  if (next < 0 || x < points[0][0]) return Infinity;
  if (next === 0) return points[0][1];
  const [[x0, y0], [x1, y1]] = [points[next - 1], points[next]];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

function path(points, name) {
  return svg("path", { class: name, d: points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("") });
}

const ENDS = [[0, "min", "start"], [1, "max", "end"]];
const SHARES = [[0.5, "p50"], [0.95, "p95"], [0.99, "p99"], [0.999, "p99.9"], [0.9, "p90"], [0.75, "p75"]];
const WIDTH_OF_SHARE = 36;

// The names of the shares that have room, those with a limit before all others.
function shareTicks(chart, x) {
  const most = Math.max(...chart.shares.filter((share) => share < 1));
  const limited = new Set(chart.lines.map((line) => line.share));
  const known = SHARES.filter(([share]) => share <= most);
  const kept = ENDS.map(([share, label, anchor]) => [x(share) + (share ? -12 : 12), label, anchor]);
  for (const [share, label] of [...known.filter(([share]) => limited.has(share)), ...known]) {
    if (kept.every(([at]) => Math.abs(at - x(share)) > WIDTH_OF_SHARE)) kept.push([x(share), label, "middle"]);
  }
  return kept.map(([at, label, anchor]) => {
    const place = anchor === "start" ? MARGIN.left : anchor === "end" ? x(1) : at;
    return svg("text", { class: "tick", x: place, y: HEIGHT - 10, "text-anchor": anchor }, label);
  });
}

function horizontalScale(chart, width) {
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  const below = chart.shares.filter((share) => share < 1);
  const last = Math.max(...below, 0.9);
  const tail = (share) => Math.log(0.5 / (1 - share)) / (Math.log(0.5 / (1 - last)) * 1.12);
  return (share) => {
    const at = share <= 0.5 ? (MEDIAN_AT * share) / 0.5 : share >= 1 ? 1 : MEDIAN_AT + (1 - MEDIAN_AT) * tail(share);
    return left + Math.min(at, 1) * (right - left);
  };
}

function distributionChart(chart) {
  return sized(`Distribution: ${chart.source}, ${chart.note}`, (width) => {
    const x = horizontalScale(chart, width);
    const points = chart.shares.map((share, at) => [x(share), vertical(chart.places[at])]);
    const dots = points.length < 15 ? points.map(([cx, cy]) => svg("circle", { class: "dot", cx, cy, r: 2.5 })) : [];
    const places = chart.lines.filter((line) => line.kind === "limit" && line.share !== null).map((line) => [x(line.share), vertical(line.at)]);
    const marks = places.map(([cx, cy]) => svg("circle", { class: "limit-mark", cx, cy, r: 4 }));
    const covered = places.map(([cx, cy]) => [[cx - 4, cy], [cx + 4, cy]]);
    return [...frame(chart, width), ...shareTicks(chart, x), path(points, "curve"), ...dots, ...references(chart, width, [points, ...covered]), ...marks];
  });
}

function courseChart(chart) {
  return sized(`Over time: ${chart.source}, ${chart.note}`, (width) => {
    const step = (width - MARGIN.left - MARGIN.right) / (chart.places.length - 1);
    const points = chart.places.map((place, at) => [MARGIN.left + at * step, vertical(place)]);
    const ends = [[MARGIN.left, "first", "start"], [width - MARGIN.right, "last", "end"]];
    const ticks = ends.map(([x, label, anchor]) => svg("text", { class: "tick", x, y: HEIGHT - 10, "text-anchor": anchor }, label));
    return [...frame(chart, width), ...ticks, path(points, "curve"), ...references(chart, width, [points])];
  });
}

// Two curves: the head is a solid line, the other side a dashed one, and each has its name beside its end.
function sidesChart(chart) {
  return sized(`Head over ${chart.names[1]}: ${chart.source}, ${chart.note}`, (width) => {
    const longest = chart.shares.length > chart.other_shares.length ? chart.shares : chart.other_shares;
    const x = horizontalScale({ shares: longest }, width);
    const pointsOf = (shares, places) => shares.map((share, at) => [x(share), vertical(places[at])]);
    const head = pointsOf(chart.shares, chart.places);
    const base = pointsOf(chart.other_shares, chart.others);
    const ticks = shareTicks({ shares: longest, lines: [] }, x);
    return [...frame(chart, width), ...ticks, path(base, "curve base"), path(head, "curve"), ...references(chart, width, [head, base])];
  });
}

// A course over time: a line is broken where a window has no number, and the second curve is dashed.
function overTimeChart(chart, times, ends) {
  return sized(`${chart.title} over time: ${chart.note}`, (width) => {
    const [left, right] = [MARGIN.left, width - MARGIN.right];
    const x = (at) => left + at * (right - left);
    const labels = [[left, ends[0], "start"], [right, ends[1], "end"]];
    const ticks = labels.map(([at, label, anchor]) => svg("text", { class: "tick", x: at, y: HEIGHT - 10, "text-anchor": anchor }, label));
    const drawn = [];
    const curves = chart.curves.flatMap(([, places], number) => {
      const runs = [[]];
      places.forEach((place, at) => (place === null ? runs.push([]) : runs[runs.length - 1].push([x(times[at]), vertical(place)])));
      drawn.push(runs.flat());
      return runs.filter((run) => run.length).map((run) => path(run.length > 1 ? run : [run[0], [run[0][0] + 3, run[0][1]]], number ? "curve second" : "curve"));
    });
    return [...frame(chart, width), ...ticks, ...curves, ...references(chart, width, drawn)];
  });
}

// The places of the limits stand in the chart, and in the caption where a page is too narrow for that.
function figure(title, source, chart, { modes = [], names, lines = [] } = {}) {
  const key = names && html("span", { class: "key" }, ...names.flatMap((name, at) => [html("span", {}, html("i", { class: at ? "dashed" : "solid" }), name), " "]));
  const told = modes.filter(Boolean).map((one) => html("p", { class: "modes" }, one));
  const sources = lines.map((one) => html("p", { class: "limit-source" }, `${one.label} · ${one.source}`));
  return html("figure", {}, html("figcaption", {}, html("b", {}, title), ` ${source} `, key, ...told, ...sources), chart);
}
