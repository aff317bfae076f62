// The forest plot: every change with its interval and its limit, the largest change for the worse first.

const WIDEST = 3; // a change of more than this factor is drawn at the edge, or it would flatten all others
const FIRST_ROWS = 20;
const LABEL_WIDTH = 72;
const [ROW, MIDDLE] = ["1.6rem", ".8rem"];

class Forest {
  constructor(container, changeTicks) {
    this.container = container;
    this.ticks = changeTicks;
    this.isWhole = false;
  }

  show(entries) {
    this.rows = entries.flatMap((entry) =>
      (entry.changes || []).filter((change) => change.forest).map((change) => ({ entry, change }))
    );
    this.rows.sort((one, other) => one.change.urgency - other.change.urgency || other.change.forest.at - one.change.forest.at);
    this.draw();
  }

  draw() {
    const shown = this.isWhole ? this.rows : this.rows.slice(0, FIRST_ROWS);
    if (!shown.length) {
      this.container.replaceChildren(html("p", { class: "source" }, "No change with a number matches the filter."));
      return;
    }
    const scale = scaleOf(shown.map((row) => row.change.forest));
    const ticks = spaced(this.ticks.filter(([ratio]) => scale.holds(ratio)), scale, (LABEL_WIDTH * zoom()) / this.plotWidth());
    const list = html("ol", { class: "forest" }, ...shown.map((row) => this.row(row, scale, ticks)));
    const more = this.rows.length - shown.length;
    this.container.replaceChildren(axis(ticks, scale), list);
    if (more > 0) {
      const button = html("button", { type: "button", class: "more" }, `Show all ${this.rows.length.toLocaleString("en")} changes`);
      button.addEventListener("click", () => {
        this.isWhole = true;
        this.draw();
        this.container.querySelectorAll("li a")[FIRST_ROWS]?.focus();
      });
      this.container.append(button);
    }
  }

  plotWidth() {
    const width = this.container.clientWidth;
    return width < 750 ? width : 0.45 * width; // beside the names and the numbers, or below them
  }

  row({ entry, change }, scale, ticks) {
    const { at, low, high, limit } = change.forest;
    const parts = ticks.map(([ratio]) => upright(ratio === 1 ? "grid zero" : "grid", scale.place(ratio)));
    if (limit !== undefined && scale.holds(limit)) parts.push(upright("limit", scale.place(limit)));
    if (low !== undefined) {
      parts.push(svg("line", { class: "interval", x1: percentOf(scale.place(low)), x2: percentOf(scale.place(high)), y1: MIDDLE, y2: MIDDLE }));
    }
    const isOutside = !scale.holds(at);
    const place = percentOf(scale.place(at));
    parts.push(svg("circle", { class: isOutside ? "outside" : "estimate", cx: place, cy: MIDDLE, r: ".27rem" }));
    const verdict = `${change.verdict}${change.allowance ? `, ${change.allowance}` : ""}`;
    const label = `${verdict}: ${change.words} ${change.change}${change.interval ? `, 95 % interval ${change.interval}` : ""}`;
    const plot = svg("svg", { class: `interval-plot ${statusOf(change)}`, width: "100%", height: ROW, role: "img", "aria-label": label }, ...parts);
    return html(
      "li",
      {},
      html("span", { class: "who" }, icon(statusOf(change)), linkTo(entry.id, entry.title), html("span", { class: "source" }, [change.words, change.allowance, entry.component].filter(Boolean).join(" · "))),
      plot,
      html("span", { class: "number" }, change.change),
      html("span", { class: "verdict-word" }, change.verdict)
    );
  }
}

function upright(name, place) {
  return svg("line", { class: name, x1: percentOf(place), x2: percentOf(place), y1: 0, y2: ROW });
}

function scaleOf(rows) {
  const numbers = rows.flatMap(({ at, low, high, limit }) => [at, low, high, limit].filter((one) => one !== undefined));
  const least = Math.log(Math.max(Math.min(...numbers, 0.97), 1 / WIDEST)) - 0.02;
  const most = Math.log(Math.min(Math.max(...numbers, 1.03), WIDEST)) + 0.02;
  const share = (ratio) => (Math.log(ratio) - least) / (most - least);
  return {
    holds: (ratio) => share(ratio) >= 0 && share(ratio) <= 1,
    place: (ratio) => 0.01 + 0.98 * Math.min(Math.max(share(ratio), 0), 1),
  };
}

// The ticks that have room for their labels; "no change" is always among them.
function spaced(ticks, scale, room) {
  const kept = ticks.filter(([ratio]) => ratio === 1);
  for (const tick of ticks) {
    if (kept.every(([other]) => Math.abs(scale.place(tick[0]) - scale.place(other)) > room)) kept.push(tick);
  }
  return kept;
}

function axis(ticks, scale) {
  const texts = ticks.map(([ratio, label]) => svg("text", { class: "tick", x: percentOf(scale.place(ratio)), y: "1rem", "text-anchor": "middle" }, label));
  return html("div", { class: "forest-axis", "aria-hidden": "true" }, html("span"), svg("svg", { width: "100%", height: "1.2rem" }, ...texts), html("span"), html("span"));
}
