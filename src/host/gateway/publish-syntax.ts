/** What may stand behind --publish: [HOSTADDRESS:][HOSTPORT:]GUESTPORT[/tcp|/udp]. */
import type { PublishOptions } from "./gateway.ts";

export class PublishSyntaxError extends Error {
  override name = "PublishSyntaxError";
}

/** "8080", "8080:80", "0.0.0.0:8080:80", "[::1]:8080:80", "5353:53/udp". Port 0 of the host takes a free one. */
export function parsePublish(text: string): PublishOptions & { protocol: "tcp" | "udp" } {
  const match = /^(?:(?:\[([0-9a-fA-F:]+)\]|([\w.-]+)):)??(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (match === null) {
    throw new PublishSyntaxError(
      `cannot read "${text}": expected [HOSTADDRESS:][HOSTPORT:]GUESTPORT[/tcp|/udp], like 8080:80`,
    );
  }
  const [, bracketed, plain, host, guest, protocol = "tcp"] = match;
  const guestPort = Number(guest);
  const hostPort = host === undefined ? guestPort : Number(host);
  if (guestPort < 1 || guestPort > 65_535 || hostPort > 65_535) {
    throw new PublishSyntaxError(`cannot read "${text}": a port is a number from 1 to 65535`);
  }
  const hostAddress = bracketed ?? plain;
  return {
    protocol: protocol === "udp" ? "udp" : "tcp",
    hostPort,
    guestPort,
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}
