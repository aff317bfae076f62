// Reads the page's data: base64 of gzip of JSON.

async function readPayload() {
  const text = document.getElementById("payload").textContent;
  if (!("DecompressionStream" in window)) {
    throw new Error("this browser has no DecompressionStream");
  }
  const inflated = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(inflated).text());
  return { ...data, entries: valuesOf(data.entries) };
}

// The values of a column: the values themselves, lists of records that are joined, or the fields of records.
function valuesOf(column) {
  if (column.values) return column.values;
  if (column.lists) {
    const items = valuesOf(column.lists);
    let end = 0;
    return column.lengths.map((length) => items.slice(end, (end += length)));
  }
  const records = Array.from({ length: column.count }, () => ({}));
  for (const [name, field] of Object.entries(column.fields)) {
    const values = valuesOf(field);
    let [at, next] = [0, 0];
    (column.runs[name] || [column.count]).forEach((length, number) => {
      if (number % 2) at += length;
      else for (const end = at + length; at < end; at++) records[at][name] = values[next++];
    });
  }
  return records;
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(base64);
  }
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}
