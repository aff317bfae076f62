// Reads the page's data: base64 of gzip of JSON.

async function readPayload() {
  const text = document.getElementById("payload").textContent;
  if (!("DecompressionStream" in window)) {
    throw new Error("this browser has no DecompressionStream");
  }
  const inflated = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(inflated).text());
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
