// The list of tests: filtered, sorted, and with the details of one test open.

const FIRST_TESTS = 100;
const MORE_TESTS = 500;
const SORTS = {
  "": ["status", (one, other) => one.urgency - other.urgency || (other.used || 0) - (one.used || 0)],
  name: ["name", (one, other) => (one.id < other.id ? -1 : 1)],
  component: ["component", (one, other) => (one.component || "\uffff").localeCompare(other.component || "\uffff")],
  used: ["share of the limit", (one, other) => (other.used || 0) - (one.used || 0)],
  time: ["time", (one, other) => (other.p50_ns || 0) - (one.p50_ns || 0)],
  change: ["change", (one, other) => (other.ratio || 0) - (one.ratio || 0)],
};
const COLUMNS = [["verdict", ""], ["test", "name"], ["measured", null, true], ["limit", null, true], ["used", "used", true], ["p50", "time", true], ["p95", null, true], ["change", "change", true]];

function textOf(entry) {
  const verdicts = [...(entry.budgets || []), ...(entry.changes || [])].map((one) => one.verdict);
  const texts = [entry.id, entry.component || "", entry.verdict, entry.kind, ...verdicts];
  return texts.map(printable).join("\n").toLowerCase();
}

class TestList {
  constructor(container, entries, onSort) {
    this.container = container;
    this.entries = entries;
    this.onSort = onSort;
    this.byId = new Map(entries.map((entry) => [entry.id, entry]));
    this.texts = new Map();
    this.shown = FIRST_TESTS;
  }

  matching(state) {
    const words = printable(state.query.replace(/\s+/g, " ")).toLowerCase().split(" ").filter(Boolean);
    return this.entries.filter((entry) => {
      if (state.statuses.size && !state.statuses.has(statusOf(entry))) return false;
      if (!words.length) return true;
      if (!this.texts.has(entry)) this.texts.set(entry, textOf(entry));
      return words.every((word) => this.texts.get(entry).includes(word));
    });
  }

  show(state) {
    const found = this.matching(state);
    found.sort((SORTS[state.sort] || SORTS[""])[1]);
    const rows = found.slice(0, this.shown);
    const open = this.byId.get(state.test);
    // A link shows its test whether or not the filter would.
    if (open && !rows.includes(open)) rows.unshift(open);
    const body = html("tbody", {}, ...rows.flatMap((entry) => this.rowsOf(entry, entry === open)));
    const made = html("table", { class: "tests" }, html("thead", {}, this.head(state)), body);
    const more = found.length - this.shown;
    const focused = this.headings().indexOf(document.activeElement);
    this.container.replaceChildren(made);
    this.headings()[focused]?.focus();
    if (more > 0) this.container.append(this.moreButton(more, state));
    return found;
  }

  headings() {
    return [...this.container.querySelectorAll("thead button")];
  }

  linkOf(id) {
    const hash = linkTo(id).hash;
    return [...this.container.querySelectorAll("tr.row a.test")].find((one) => one.hash === hash);
  }

  head(state) {
    const cells = COLUMNS.map(([title, sort, isNumber]) => {
      const attributes = { scope: "col", class: [isNumber ? "number" : "", `col-${title}`].join(" ").trim() };
      if (sort === null) return html("th", attributes, title);
      const isSorted = state.sort === sort;
      const direction = sort === "name" || sort === "" ? "ascending" : "descending";
      const button = html("button", { type: "button", title: `sort by ${SORTS[sort][0]}` }, title);
      button.addEventListener("click", () => this.onSort(sort));
      return html("th", { ...attributes, "aria-sort": isSorted ? direction : undefined }, button);
    });
    return html("tr", {}, ...cells);
  }

  rowsOf(entry, isOpen) {
    const shown = entry.shown || {};
    const budget = shown.budget === undefined ? shown : entry.budgets[shown.budget];
    const link = linkTo(entry.id, entry.title);
    link.setAttribute("aria-expanded", isOpen);
    const name = html("td", { class: "col-test" }, link, html("span", { class: "source" }, [entry.component, entry.file].filter(Boolean).join(" · ")));
    const number = (title, text) => html("td", { class: `number col-${title}` }, text || "");
    const row = html(
      "tr",
      { class: isOpen ? "row open" : "row" },
      html("td", { class: "col-verdict" }, verdictOf(entry)),
      name,
      html("td", { class: "number col-measured" }, ...(budget.measured ? [html("span", { class: "metric", title: budget.metric }, budget.metric), " ", budget.measured] : [])),
      html("td", { class: "number col-limit", "data-label": "limit" }, budget.limit || ""),
      html("td", { class: "number col-used" }, budget.used || "", budget.bar ? budgetBar(budget) : ""),
      number("p50", entry.p50),
      number("p95", entry.p95),
      number("change", entry.change)
    );
    if (!isOpen) return [row];
    return [row, html("tr", { class: "opened" }, html("td", { colspan: COLUMNS.length }, detailsOf(entry)))];
  }

  moreButton(more, state) {
    const number = Math.min(more, MORE_TESTS).toLocaleString("en");
    const button = html("button", { type: "button", class: "more" }, `Show ${number} more of ${more.toLocaleString("en")}`);
    button.addEventListener("click", () => {
      const first = this.shown;
      this.shown += MORE_TESTS;
      this.show(state);
      this.container.querySelectorAll("tr.row a.test")[first]?.focus();
    });
    return button;
  }
}
