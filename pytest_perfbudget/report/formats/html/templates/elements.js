// Makes elements. Texts become text nodes, so that a name with markup stays a name.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : SEEN.has(name) ? printable(value) : value);
  }
  const given = children.flat().filter((one) => one !== undefined && one !== "" && one !== false);
  element.append(...given.map((one) => (typeof one === "string" ? printable(one) : one)));
  return element;
}

const SEEN = new Set(["aria-label", "title"]);
const UNSEEN_SIGN = /(?! )[\p{C}\p{Z}]/gu;
const SHORT_SIGNS = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// A text as a reader can see it, as in the other reports: a name may hold line breaks, or turn the direction of the text.
function printable(text) {
  return text.replace(UNSEEN_SIGN, (sign) => {
    const [code, size] = [sign.codePointAt(0), sign.codePointAt(0) < 256 ? "x2" : sign.length > 1 ? "U8" : "u4"];
    return SHORT_SIGNS[sign] || `\\${size[0]}${code.toString(16).padStart(Number(size[1]), "0")}`;
  });
}

// A text of several lines.
const lines = (text) => text.split("\n").flatMap((line, at) => [at ? document.createTextNode("\n") : "", line]);

const html = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

function icon(status) {
  const use = svg("use", { href: `#icon-${status}` });
  return svg("svg", { class: `icon ${status}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, use);
}

function statusOf(one) {
  return STATUSES[one.urgency];
}

function verdictOf(one) {
  return html("span", { class: `verdict ${statusOf(one)}` }, icon(statusOf(one)), one.verdict);
}

function linkTo(id, ...children) {
  return html("a", { class: "test", href: `#test=${encoded(id)}` }, ...children);
}

// A text for readers who cannot see what it describes.
const unseen = (text) => html("span", { class: "hidden" }, text);

// A table whose columns are [heading, is a number]. A narrow page shows each row as lines of headings and values, so the
// elements have the roles that their display takes from them.
function table(name, columns, rows) {
  const head = columns.map(([title, isNumber]) => html("th", { scope: "col", role: "columnheader", class: isNumber && "number" }, title));
  const label = (at) => at > 0 && typeof columns[at][0] === "string" && columns[at][0];
  const body = rows.map((cells) =>
    html("tr", { role: "row" }, ...cells.map((cell, at) => html("td", { role: "cell", class: columns[at][1] && "number", "data-label": label(at) }, cell)))
  );
  const parts = [html("thead", { role: "rowgroup" }, html("tr", { role: "row" }, ...head)), html("tbody", { role: "rowgroup" }, ...body)];
  return reachable(html("div", { class: "scroll" }, html("table", { class: `stacked ${name}`, role: "table" }, ...parts)), name);
}

// Makes a box reachable by keyboard while its content is wider than the box.
function reachable(box, name) {
  new ResizeObserver(() => {
    const isScrolled = box.scrollWidth > box.clientWidth;
    for (const [attribute, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", `${name}, table`]]) {
      if (isScrolled) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  }).observe(box);
  return box;
}

function definitions(pairs) {
  return html("dl", { class: "facts" }, ...pairs.map(([label, text]) => html("div", {}, html("dt", {}, label), html("dd", {}, text))));
}

const capitalized = (word) => word[0].toUpperCase() + word.slice(1);
const percentOf = (share) => `${(100 * share).toFixed(2)}%`;
