/**
 * A program of the guest: sends back what it receives, to any number of clients at once.
 *
 *     ./akuma run --publish 7000 -- examples/echo.ts        then, elsewhere: nc 127.0.0.1 7000
 */
import type { Akuma, TcpStream } from "../src/user/libakuma/index.ts"; // in a project of yours: from "akuma/libakuma"

export async function main(akuma: Akuma): Promise<void> {
  await using listener = await akuma.net.TcpListener.bind("0.0.0.0:7000");
  for await (const { stream, address } of listener) {
    await akuma.print(`${address} has connected`);
    void echo(stream);
  }
}

async function echo(stream: TcpStream): Promise<void> {
  await using connection = stream;
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === 0) return;
    await connection.writeAll(buffer.subarray(0, count));
  }
}
