// Starts the page: reads its data, and keeps the list, the controls and the address in step.

const WAIT_MS = 120; // after the last key of a search

const PHONE = "(max-width: 50rem)";

function foldOnPhone() {
  // A phone shows the first failure without scrolling.
  const remedies = document.querySelector(".remedies");
  if (remedies && matchMedia(PHONE).matches) remedies.open = false;
}

function start(data) {
  if (!data.entries.length) return; // the page says that nothing was measured
  const state = readAddress();
  const forestPlace = document.getElementById("forest");
  const forest = forestPlace && new Forest(forestPlace, data.change_ticks);
  const search = document.getElementById("search");
  const sort = document.getElementById("sort");
  const message = document.getElementById("state");
  const list = new TestList(document.getElementById("list"), data.entries, (name) => change({ sort: name }));
  const buttons = statusButtons(data.entries, (status) => {
    const statuses = new Set(state.statuses);
    if (!statuses.delete(status)) statuses.add(status);
    change({ statuses });
  });
  document.getElementById("statuses").append(...buttons.values());
  sort.append(...Object.entries(SORTS).map(([name, [title]]) => html("option", { value: name }, title)));

  function show() {
    const found = list.show(state);
    if (forest) forest.show(found);
    const isFiltered = found.length < data.entries.length;
    const total = data.entries.length.toLocaleString("en");
    const noun = data.entries.length === 1 ? "measurement" : "measurements";
    message.textContent = isFiltered ? `${found.length.toLocaleString("en")} of ${total} ${noun}` : `${total} ${noun}`;
    if (state.test && !list.byId.has(state.test)) message.textContent += `; this report has no ${printable(state.test)}`;
    for (const [status, button] of buttons) button.setAttribute("aria-pressed", state.statuses.has(status));
    if (search !== document.activeElement) search.value = state.query;
    sort.value = state.sort in SORTS ? state.sort : "";
  }

  function change(parts) {
    Object.assign(state, parts);
    list.shown = FIRST_TESTS;
    writeAddress(state, { isStep: false });
    show();
  }

  function toggle(id) {
    const isOpen = state.test === id;
    state.test = isOpen ? "" : id;
    writeAddress(state, { isStep: true });
    show();
  }

  function reveal() {
    const link = state.test && document.querySelector("tr.open a.test");
    if (link) {
      link.focus({ preventScroll: true });
      link.closest("tr").scrollIntoView({ block: "start" });
    }
  }

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ query: search.value }), WAIT_MS);
  });
  sort.addEventListener("change", () => change({ sort: sort.value }));
  document.getElementById("list").addEventListener("click", (event) => {
    const link = event.target.closest("tr.row a.test");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const before = link.getBoundingClientRect().top;
    const { test } = readLink(link);
    toggle(test);
    const again = list.linkOf(test);
    if (again) {
      again.focus({ preventScroll: true });
      scrollBy(0, again.getBoundingClientRect().top - before);
    }
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // its address would replace the filter
    document.getElementById("tests").focus();
  });
  addEventListener("popstate", () => {
    const before = state.test;
    Object.assign(state, readAddress());
    list.shown = FIRST_TESTS;
    show();
    if (state.test) reveal();
    else if (before) list.linkOf(before)?.focus(); // a test that the button "back" closes keeps the focus
    else if (location.hash) document.getElementById("tests").scrollIntoView();
  });
  for (const id of ["toolbar", "legend", "changes"]) document.getElementById(id)?.removeAttribute("hidden");
  for (const box of document.querySelectorAll(".components")) reachable(box.parentElement, "Components");
  show();
  reveal();
}

function readLink(link) {
  return { test: decoded(link.hash.slice("#test=".length)) };
}

function statusButtons(entries, onClick) {
  const words = document.getElementById("statuses").dataset; // nothing fails where the gate only warns
  const numbers = new Map();
  for (const entry of entries) numbers.set(statusOf(entry), (numbers.get(statusOf(entry)) || 0) + 1);
  const present = STATUSES.filter((status) => numbers.has(status));
  return new Map(
    present.map((status) => {
      const number = numbers.get(status).toLocaleString("en");
      const button = html("button", { type: "button", class: "filter", "aria-pressed": "false" }, icon(status), `${capitalized(words[status] || status)} `, html("b", {}, number));
      button.addEventListener("click", () => onClick(status));
      return [status, button];
    })
  );
}

foldOnPhone();
readPayload().then(start).then(
  () => {
    document.documentElement.setAttribute("data-ready", "");
    // After the frame in which a reader first sees the list.
    requestAnimationFrame(() => setTimeout(() => performance.mark("usable")));
  },
  (error) => {
    document.getElementById("state").textContent = `The list of tests cannot be shown: ${error.message}.`;
  }
);
