import type { Akuma } from "../../../src/user/libakuma/akuma.ts";

export async function main(akuma: Akuma): Promise<void> {
  await using listener = await akuma.net.TcpListener.bind("0.0.0.0:7");
  await akuma.stdout.write("listening\n");
  for await (const { stream } of listener) {
    void (async () => {
      await using connection = stream;
      const buffer = new Uint8Array(1024);
      for (;;) {
        const count = await connection.read(buffer);
        if (count === 0) return;
        await connection.writeAll(buffer.subarray(0, count));
      }
    })();
  }
}
