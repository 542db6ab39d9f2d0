// node server.js EXPORTED_FOLDER [PORT]: this folder and the student, to this machine alone.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, resolve, sep } from "node:path";
import { pipeline } from "node:stream";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const [folder, port = "8080"] = process.argv.slice(2);
if (!folder) {
  console.error("Usage: node server.js EXPORTED_FOLDER [PORT]");
  process.exit(2);
}
const here = import.meta.dirname;
const student = resolve(folder);

/** The file of a path: below `/model/` the student's, else one of this folder; nothing outside of both. */
function fileOf(path) {
  const [root, rest] = path.startsWith("/model/") ? [student, path.slice("/model".length)] : [here, path];
  const file = resolve(root, `.${rest === "/" ? "/index.html" : rest}`);
  return file.startsWith(root + sep) ? file : undefined;
}

async function answer(request, response) {
  const file = fileOf(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const found = file && (await stat(file).catch(() => undefined));
  if (!found?.isFile() || request.method !== "GET") {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Length": found.size,
    // without these two, browsers do not let WebAssembly have threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  });
  pipeline(createReadStream(file), response, () => {});
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.writeHead(400).end());
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
