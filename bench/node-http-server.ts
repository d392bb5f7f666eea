/**
 * Node's own http serving one folder, as the mark for akuma's httpd. Arguments: port, folder, and "memory" (each file read once
 * and kept: the most that Node's http can do) or "stream" (looked up and streamed for each request, as akuma does).
 */
import { createReadStream, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const [port = "0", folder = ".", how = "stream"] = process.argv.slice(2);
const kept = new Map<string, Buffer>();

createServer(async (request, response) => {
  const path = request.url === undefined || request.url === "/" ? "/index.html" : request.url;
  const file = join(folder, path);
  const headers = { "Content-Type": "text/css", "Last-Modified": new Date(0).toUTCString(), ETag: '"1"' };
  if (how === "memory") {
    let body = kept.get(path);
    if (body === undefined) {
      body = readFileSync(file);
      kept.set(path, body);
    }
    response.writeHead(200, { ...headers, "Content-Length": body.length });
    response.end(body);
    return;
  }
  const { size } = await stat(file);
  response.writeHead(200, { ...headers, "Content-Length": size });
  createReadStream(file).pipe(response);
}).listen(Number(port), "127.0.0.1");
