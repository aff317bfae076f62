// Makes the details of a measurement.

function detailsOf(entry) {
  const charts = [];
  if (entry.distribution) charts.push(figure("Distribution", entry.distribution.source, distributionChart(entry.distribution), entry.distribution));
  if (entry.sides) charts.push(figure("Head over base", entry.sides.source, sidesChart(entry.sides), entry.sides));
  if (entry.course) charts.push(figure("Over time", entry.course.source, courseChart(entry.course), entry.course));
  const parts = [
    entry.findings && findingsOf(entry.findings),
    entry.unmeasured && !entry.findings && html("p", {}, `not measured: ${entry.unmeasured}`),
    entry.budgets && part("Budgets", budgetTable(entry.budgets)),
    entry.changes && part("Changes", changeTable(entry.changes), ...entry.changes.filter((one) => one.blamed).map(blameTable), ...entry.changes.filter((one) => one.grown).map(grownTable)),
    charts.length > 0 && html("div", { class: "charts" }, ...charts),
    entry.spans && part("Spans", ...spanTree(entry.spans)),
    entry.flame && part("Flame graph", ...flameParts(entry.flame)),
    entry.profile && part("Where the time goes", profileTable(entry.profile)),
    ...(entry.load ? loadParts(entry.load) : []),
    entry.statistics && part("Statistics", definitions(entry.statistics)),
    part("Facts", definitions(entry.facts)),
  ];
  return html("div", { class: "details" }, ...parts);
}

function part(title, ...children) {
  return html("section", {}, html("h3", {}, title), ...children);
}

// A part that takes the whole width of a wide window, in which other parts stand beside each other.
function whole(section) {
  section.classList.add("whole");
  return section;
}

function findingsOf(findings) {
  const remedies = [...new Set(findings.map((one) => one.remedy).filter(Boolean))];
  const remedy = html("p", { class: "remedy" }, html("b", {}, "Remedy"), ...remedies.map((one) => html("span", {}, one)));
  return html("div", { class: "told" }, ...findings.map(findingOf), remedies.length > 0 && remedy);
}

function findingOf(finding) {
  const headline = html("span", {}, html("b", { class: "kind" }, finding.kind), " ", finding.headline);
  return html(
    "div",
    { class: "finding" },
    html("p", { class: "headline" }, icon(finding.status), headline),
    finding.evidence.length > 0 && html("ul", { class: "evidence" }, ...finding.evidence.map((line) => html("li", {}, line)))
  );
}

function limitText(budget) {
  return `${budget.direction === "lower" ? "at most" : "at least"} ${budget.limit}`;
}

function budgetTable(budgets) {
  const columns = [["verdict"], ["metric"], ["measured", true], ["interval", true], ["limit", true], ["used", true], [unseen("share of the limit")], ["source"]];
  const rows = budgets.map((one) => [
    verdictOf(one),
    one.metric,
    one.measured || "",
    one.interval || "",
    limitText(one),
    one.used || "",
    one.bar ? budgetBar(one) : "",
    html("span", { class: "source" }, [one.reason, one.source].filter(Boolean).join("; ")),
  ]);
  return table("budgets", columns, rows);
}

function changeTable(changes) {
  const columns = [["verdict"], ["number"], ["base", true], ["head", true], ["change", true], ["95 % interval", true], ["limit", true], ["source"]];
  const rows = changes.map((one) => [
    verdictOf(one),
    one.words,
    one.before || "",
    one.after || "",
    one.change || "",
    one.interval || "",
    one.limit ? `+${one.limit}` : "",
    html("span", { class: "source" }, [one.reason, one.source && `limit from ${one.source}`, one.against, one.runs].filter(Boolean).join("; ")),
  ]);
  return table("changes", columns, rows);
}

function blameTable(change) {
  const rows = change.blamed.map((one) => [html("code", {}, one.function), one.how, one.gained]);
  return table("blamed", [["code that became slower"], ["how"], ["by profiles", true]], rows);
}

function grownTable(change) {
  const rows = change.grown.map((one) => [html("code", {}, one.function), one.before, one.after]);
  return table("grown", [["called more often"], ["calls, base", true], ["head", true]], rows);
}

function profileTable(profile) {
  const rows = profile.map((row) => [
    row.text,
    svg("svg", { class: "bar plain", width: "100%", height: 12, "aria-hidden": "true" }, svg("rect", { class: "fill", x: 0, y: 3, width: percentOf(row.share), height: 6, rx: 2 })),
    row.calls,
    html("code", {}, row.function),
  ]);
  return table("profile", [["share", true], [unseen("share as a bar")], ["calls", true], ["function, without the functions that it calls"]], rows);
}

// The tree of spans: the dark part of a bar is the time of the span itself, the light part that of the spans in it.
function spanTree(spans) {
  const rows = spans.rows.map((row) => [
    html("span", { class: `span-name depth-${Math.min(row.depth, 12)}` }, row.is_sum ? html("i", {}, row.name) : row.name, row.is_limited && [" ", html("span", { class: "source tag" }, "limited")], row.note && [" ", html("span", { class: "source note" }, row.note)]),
    row.all_text,
    row.own_text,
    row.time,
    svg("svg", { class: "bar share", width: "100%", height: 12, "aria-hidden": "true" },
      svg("rect", { class: "track", x: 0, y: 2, width: "100%", height: 8, rx: 2 }),
      svg("rect", { class: "inner", x: 0, y: 2, width: percentOf(Math.min(row.all, 1)), height: 8, rx: 2 }),
      svg("rect", { class: "fill", x: 0, y: 2, width: percentOf(Math.min(row.own, 1)), height: 8, rx: 2 })),
  ]);
  const columns = spans.columns.map((title, at) => (at === 4 ? [unseen("shares as a bar")] : [title, at > 0]));
  return [html("p", { class: "source" }, spans.heading), table("spans", columns, rows), spans.closing && html("p", {}, spans.closing)];
}

function loadParts(load) {
  const parts = [part("Load", definitions(load.facts))];
  if (load.over_time) {
    const { at, ends, charts } = load.over_time;
    const figures = charts.map((chart) => figure(chart.title, chart.note, overTimeChart(chart, at, ends), { names: chart.curves.map(([name]) => name), lines: chart.lines }));
    parts.push(whole(part("Load over time", html("div", { class: "charts" }, ...figures))));
  }
  if (load.steps.length) {
    parts.push(part("Steps", table("steps", [["step"], ...load.columns.map((name) => [name, true])], load.steps)));
  }
  if (load.errors.length) {
    parts.push(part("Errors", html("p", { class: "source" }, `the line shows when, from the start to ${load.length}`), ...load.errors.map(errorOf)));
  }
  return parts;
}

function errorOf(error) {
  const when = svg(
    "svg",
    { class: "bar failing", width: "100%", height: 12, role: "img", "aria-label": error.when },
    svg("rect", { class: "track", x: 0, y: 4, width: "100%", height: 4, rx: 2 }),
    svg("line", { class: "span", x1: percentOf(error.from), x2: percentOf(Math.max(error.to, error.from + 0.004)), y1: 6, y2: 6 })
  );
  return html(
    "div",
    { class: "error" },
    html("p", {}, html("b", {}, error.count), " ", error.title, " ", html("span", { class: "source" }, error.when)),
    when,
    error.traceback && html("details", {}, html("summary", {}, "traceback of the first"), html("pre", { tabindex: "0" }, ...lines(error.traceback)))
  );
}
