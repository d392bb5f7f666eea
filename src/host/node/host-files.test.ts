import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { describeFileSystem } from "../../kernel/vfs/conformance.fixture.ts";
import { HostFs } from "../../kernel/vfs/hostfs/hostfs.ts";
import { NodeHostFiles } from "./host-files.ts";

// The suite sets modes through the guest's umask; the host's own must not take more away.
process.umask(0);

function makeHostFs(context: TestContext, portable: boolean): HostFs {
  const folder = mkdtempSync(join(tmpdir(), "akuma-hostfs-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return new HostFs(new NodeHostFiles(folder, { portable }), { readOnly: false });
}

describeFileSystem("hostfs", (context) => makeHostFs(context, false));
describeFileSystem("hostfs without /proc/self/fd", (context) => makeHostFs(context, true));
