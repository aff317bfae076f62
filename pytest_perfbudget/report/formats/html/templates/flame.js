// The flame graph: callers above, the functions that they call below. A click or Enter makes a frame as wide as the graph.

const FRAME_HEIGHT = 20;
const WHOLE = 10000;
const WIDTH_OF_LETTER = 6.6;
const SIGNS = { 1: "\u25b2 ", [-1]: "\u25bc " };
const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

class Flame {
  constructor(data) {
    this.frames = data.rows.map(([depth, start, width, place, text]) => {
      const [name, own, step] = data.functions[place];
      return { depth, start, end: start + width, step, name, text: printable(`${name}: ${text}, ${own}`) };
    });
    this.depth = data.depth;
    this.zoomed = null;
    this.chosen = this.frames[0];
    this.told = html("p", { class: "source flame-text", role: "status" });
    this.canvas = svg("svg", { class: "flame", width: "100%", height: FRAME_HEIGHT, "aria-hidden": "true" });
    this.box = html("div", { class: "flame-box", tabindex: "0", role: "group", "aria-label": `Flame graph, ${data.caption}. Arrow keys choose a function, Enter widens it, Escape shows all.` }, this.canvas);
    this.box.addEventListener("click", (event) => this.click(event));
    this.box.addEventListener("keydown", (event) => this.press(event));
    this.box.addEventListener("pointermove", (event) => this.tell(this.frameAt(event) || this.chosen));
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.tell(this.chosen);
    this.parts = [this.box, this.told];
  }

  // The frame's place on the screen, or nothing while the graph shows a part without it.
  placed(frame) {
    const { start, end } = this.zoomed || { start: 0, end: WHOLE };
    const scale = this.width / (end - start);
    const [left, right] = [Math.max(frame.start, start), Math.min(frame.end, end)];
    return right > left ? { x: (left - start) * scale, width: (right - left) * scale } : null;
  }

  draw() {
    const height = this.depth * FRAME_HEIGHT;
    this.width = this.canvas.clientWidth / zoom();
    this.canvas.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.canvas.setAttribute("height", height * zoom());
    const drawn = [];
    for (const frame of this.frames) {
      const place = this.placed(frame);
      if (!place || place.width < 0.5) continue;
      const name = ["frame", frame.step > 0 ? `hot-${frame.step}` : frame.step < 0 ? `cold-${-frame.step}` : "", frame === this.chosen ? "chosen" : ""];
      const y = frame.depth * FRAME_HEIGHT;
      drawn.push(svg("rect", { class: name.join(" ").trim(), x: place.x.toFixed(1), y, width: Math.max(place.width - 0.5, 0.5).toFixed(1), height: FRAME_HEIGHT - 1, rx: 2 }));
      const label = this.label(frame, place.width);
      if (label) drawn.push(svg("text", { x: (place.x + 4).toFixed(1), y: y + 14 }, label));
    }
    this.canvas.replaceChildren(...drawn);
  }

  label(frame, width) {
    const sign = SIGNS[Math.sign(frame.step)] || "";
    const room = Math.floor((width - 8) / WIDTH_OF_LETTER) - sign.length;
    if (room < 3) return "";
    const short = frame.name.replace(/^.*:|^built-in method |^method '|' of '.*$/g, "");
    const name = frame.name.length <= room ? frame.name : short;
    return sign + (name.length <= room ? name : `${name.slice(0, room - 1)}\u2026`);
  }

  frameAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / zoom();
    const depth = Math.floor((event.clientY - box.top) / zoom() / FRAME_HEIGHT);
    return this.frames.find((frame) => {
      const place = frame.depth === depth && this.placed(frame);
      return place && x >= place.x && x < place.x + place.width;
    });
  }

  click(event) {
    const frame = this.frameAt(event);
    if (frame) this.zoom(frame === this.zoomed ? null : frame);
  }

  zoom(frame) {
    this.zoomed = frame && frame.depth > 0 ? frame : null;
    this.choose(frame || this.chosen);
  }

  press(event) {
    if (event.key === "Enter") this.zoom(this.chosen);
    else if (event.key === "Escape") this.zoom(null);
    else if (event.key in STEPS) this.choose(this.neighbour(...STEPS[event.key]));
    else return;
    event.preventDefault();
  }

  neighbour(aside, down) {
    const { start, end, depth } = this.chosen;
    const rows = this.frames.filter((one) => one.depth === depth + down && this.placed(one));
    if (aside) return rows[rows.indexOf(this.chosen) + aside] || this.chosen;
    const over = rows.filter((one) => (down > 0 ? one.start >= start && one.end <= end + 1 : one.start <= start && one.end + 1 >= end));
    return over[0] || this.chosen;
  }

  choose(frame) {
    this.chosen = frame;
    this.tell(frame);
    this.draw();
  }

  tell(frame) {
    if (this.told.textContent !== frame.text) this.told.textContent = frame.text;
  }
}

function flameParts(flame) {
  const legend = flame.is_compared && html("p", { class: "source legend-flame" }, ...flame.legend.flatMap(([name, text]) => [html("span", { class: `swatch ${name}` }), `${text} `]));
  const files = html("p", { class: "source" }, "for speedscope, beside this file: ", ...flame.files.flatMap((name, at) => [at ? ", " : "", html("a", { href: encodeURIComponent(name), download: name }, name)]));
  return [html("p", { class: "source" }, flame.caption), legend, ...new Flame(flame).parts, flame.files.length > 0 && files];
}
