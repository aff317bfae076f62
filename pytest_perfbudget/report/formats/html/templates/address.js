// The state of the page, which its address holds: #test=...&status=failing,warning&sort=change&q=...

const STATUSES = ["failing", "warning", "noted", "passing"];

function readAddress() {
  const found = new Map();
  for (const part of location.hash.slice(1).split("&")) {
    const [name, ...rest] = part.split("=");
    found.set(name, decoded(rest.join("=")));
  }
  const statuses = (found.get("status") || "").split(",").filter((one) => STATUSES.includes(one));
  return {
    test: found.get("test") || "",
    statuses: new Set(statuses),
    sort: found.get("sort") || "",
    query: found.get("q") || "",
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that somebody typed
  }
}

function encoded(text) {
  // The characters of node ids stay readable; a well-formed text is what encodeURIComponent needs.
  const wellFormed = text.toWellFormed ? text.toWellFormed() : text;
  return encodeURIComponent(wellFormed).replace(/%(2F|3A|5B|5D|2C|3D|40)/g, (one) => decodeURIComponent(one));
}

function addressOf(state) {
  const parts = [];
  if (state.test) parts.push(`test=${encoded(state.test)}`);
  if (state.statuses.size) parts.push(`status=${STATUSES.filter((one) => state.statuses.has(one)).join(",")}`);
  if (state.sort) parts.push(`sort=${encoded(state.sort)}`);
  if (state.query) parts.push(`q=${encoded(state.query)}`);
  return `#${parts.join("&")}`;
}

function writeAddress(state, { isStep }) {
  const address = addressOf(state);
  if (address === location.hash) return;
  history[isStep ? "pushState" : "replaceState"](null, "", address === "#" ? location.pathname + location.search : address);
}
