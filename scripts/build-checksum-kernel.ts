/** Assembles src/base/checksum-kernel.wat and writes its bytes to src/base/checksum-kernel-bytes.ts. Run after editing the WAT. */
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const source = new URL("../src/base/checksum-kernel.wat", import.meta.url);
const target = new URL("../src/base/checksum-kernel-bytes.ts", import.meta.url);

/** The module's bytes for WAT source; no debug names, so that equal sources give equal bytes. */
export async function assembleChecksumKernel(): Promise<Uint8Array> {
  const tools = await wabt();
  const module = tools.parseWat("checksum-kernel.wat", readFileSync(source, "utf8"), { simd: true, bulk_memory: true });
  try {
    module.validate();
    return module.toBinary({ write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

if (import.meta.main) {
  const bytes = await assembleChecksumKernel();
  const lines =
    Buffer.from(bytes)
      .toString("hex")
      .match(/.{1,112}/g) ?? [];
  const text = lines.map((line) => `  "${line}"`).join(" +\n");
  writeFileSync(
    target,
    `/** ${bytes.length} bytes of WebAssembly in hexadecimal, made from checksum-kernel.wat by scripts/build-checksum-kernel.ts. Do not edit. */\n` +
      `export const CHECKSUM_KERNEL_HEX: string =\n${text};\n`,
  );
  console.log(`${bytes.length} bytes`);
}
