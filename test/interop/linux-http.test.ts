/** Real HTTP programs of Linux against ours: curl reads from /bin/httpd, /bin/wget from Python's http.server. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AKUMA, Laboratory, LINUX, pattern } from "./laboratory.ts";
import { LinuxError } from "./linux-agent.ts";
import { reasonToSkip } from "./namespace.ts";

const BIG_BYTES = 20_000_003;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("HTTP between Akuma and Linux", { skip: reasonToSkip() }, () => {
  let lab: Laboratory;
  let folder: string;
  const big = pattern(BIG_BYTES);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "akuma-interop-"));
    lab = await Laboratory.open({ capture: false });
    lab.kernel.writeFile("/public/index.html", "<!doctype html><title>Akuma</title>\n");
    lab.kernel.writeFile("/public/big.bin", big);
  });

  after(() => {
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function curl(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await lab.namespace.run("curl", "-sS", "--max-time", "30", ...words);
    assert.equal(code, 0, `curl ${words.join(" ")}: ${stderr}`);
    return stdout;
  }

  it("curl gets pages over one connection, ranges, and a big file whole", async (context) => {
    if ((await lab.namespace.run("curl", "--version")).code !== 0) {
      context.skip("curl is not installed");
      return;
    }
    const server = lab.start("/bin/httpd", { arguments: ["-q", "-p", "80"] });
    const page = `http://${AKUMA}/index.html`;
    const connections = await curl("-o", "/dev/null", page, "-o", "/dev/null", page, "-w", "%{num_connects} ");
    assert.equal(connections, "1 0 ", "the second request uses the first one's connection");
    assert.equal(await curl(page), "<!doctype html><title>Akuma</title>\n");
    assert.equal(await curl("-r", "15-20", page), "<title");
    assert.equal(await curl("-o", "/dev/null", "-w", "%{http_code}", `http://${AKUMA}/nothing`), "404");
    const file = join(folder, "big.bin");
    await curl("-o", file, `http://${AKUMA}/big.bin`);
    const { stdout } = await lab.namespace.run("sha256sum", file);
    assert.equal(stdout.split(" ")[0], sha256(big));
    const parts = await Promise.all(
      [0, 1, 2, 3].map((k) =>
        curl(
          "-r",
          `${k * 5_000_000}-${k * 5_000_000 + 4_999_999}`,
          `http://${AKUMA}/big.bin`,
          "-o",
          join(folder, `part${k}`),
        ),
      ),
    );
    assert.equal(parts.length, 4);
    const joined = await lab.namespace.run("sh", "-c", `cat ${folder}/part[0-3] | sha256sum`);
    assert.equal(joined.stdout.split(" ")[0], sha256(big.subarray(0, 20_000_000)));
    server.kill();
    await server.ended;
  });

  it("wget fetches from Python's server", async () => {
    writeFileSync(join(folder, "served.bin"), big);
    const server = lab.namespace.start("python3", "-m", "http.server", "8000", "--bind", LINUX, "--directory", folder);
    const probe = async (): Promise<boolean> => {
      const socket = await lab.linux.open("tcp");
      const isUp = await socket.connect(LINUX, 8000).then(
        () => true,
        (error) => !(error instanceof LinuxError),
      );
      await socket.close();
      return isUp;
    };
    while (!(await probe())) await new Promise((resolve) => setTimeout(resolve, 50));
    const url = `http://${LINUX}:8000/served.bin`;
    const { code, output } = await lab.start("/bin/wget", { arguments: ["-q", url, "/tmp/served.bin"] }).ended;
    assert.equal(code, 0, output);
    const fetched = await lab.inside(async (akuma) => sha256(await akuma.fs.readFile("/tmp/served.bin")));
    assert.equal(fetched, sha256(big));
    const missing = await lab.start("/bin/wget", { arguments: ["-q", `http://${LINUX}:8000/no`, "/tmp/no"] }).ended;
    assert.equal(missing.code, 8, "the server answered with an error");
    const nobody = await lab.start("/bin/wget", { arguments: ["-q", `http://${LINUX}:8001/`, "/tmp/no"] }).ended;
    assert.equal(nobody.code, 4, "refused");
    server.kill("SIGKILL");
  });
});
