/**
 * The host's resolver on Node: getaddrinfo for addresses, so that the hosts file and whatever else the host is set up with
 * count, and its name servers for other records.
 */
import { parseIpv4 } from "../../base/ipv4-address.ts";
import type { HostRecord, HostResolver, Resolution } from "../gateway/host-sockets.ts";

type Dns = typeof import("node:dns");

/** getaddrinfo tells no time to live. */
const DEFAULT_TIME_TO_LIVE_SECONDS = 60;
/** What Node answers when a name has no such record, or does not exist. */
const ABSENT = new Set(["ENOTFOUND", "ENODATA", "ENONAME"]);

export class NodeHostResolver implements HostResolver {
  private resolver: InstanceType<Dns["promises"]["Resolver"]> | null = null;

  async addresses(name: string): Promise<Resolution<number>> {
    const dns = process.getBuiltinModule("node:dns");
    try {
      const found = await dns.promises.lookup(name, { all: true, family: 4 });
      const values = found.map(({ address }) => parseIpv4(address)).filter((address) => address !== undefined);
      if (values.length === 0) return { status: "absent", nameExists: true };
      return { status: "found", values, timeToLiveSeconds: DEFAULT_TIME_TO_LIVE_SECONDS };
    } catch (error) {
      return failure(error);
    }
  }

  async records(name: string, type: string): Promise<Resolution<HostRecord>> {
    const dns = process.getBuiltinModule("node:dns");
    this.resolver ??= new dns.promises.Resolver({ timeout: 3000, tries: 2 });
    try {
      const values = await lookup(this.resolver, name, type);
      if (values.length === 0) return { status: "absent", nameExists: true };
      return { status: "found", values, timeToLiveSeconds: DEFAULT_TIME_TO_LIVE_SECONDS };
    } catch (error) {
      return failure(error);
    }
  }
}

async function lookup(
  resolver: InstanceType<Dns["promises"]["Resolver"]>,
  name: string,
  type: string,
): Promise<HostRecord[]> {
  switch (type) {
    case "CNAME":
    case "NS":
    case "PTR": {
      const names = (await resolver.resolve(name, type)) as string[];
      return names.map((data) => ({ type, data }));
    }
    case "MX":
      return (await resolver.resolveMx(name)).map(({ priority, exchange }) => ({
        type,
        data: { preference: priority, exchange },
      }));
    case "TXT":
      return (await resolver.resolveTxt(name)).map((data) => ({ type, data }));
    case "SRV":
      return (await resolver.resolveSrv(name)).map(({ priority, weight, port, name: target }) => ({
        type,
        data: { priority, weight, port, target },
      }));
    case "SOA": {
      const { nsname, hostmaster, serial, refresh, retry, expire, minttl } = await resolver.resolveSoa(name);
      const data = { mname: nsname, rname: hostmaster, serial, refresh, retry, expire, minimum: minttl };
      return [{ type, data }];
    }
    case "CAA":
      return (await resolver.resolveCaa(name)).map(({ critical, ...rest }) => {
        const [tag = "issue", value = ""] = Object.entries(rest).find(([key]) => key !== "type") ?? [];
        return { type, data: { flags: critical, issuerCritical: critical !== 0, tag, value: String(value) } };
      });
    default:
      return [];
  }
}

function failure(error: unknown): { status: "absent"; nameExists: boolean } | { status: "failed" } {
  const code = String((error as { code?: unknown }).code);
  // c-ares: ENOTFOUND is NXDOMAIN, ENODATA a name without such a record. getaddrinfo's ENOTFOUND does not tell the two apart.
  return ABSENT.has(code) ? { status: "absent", nameExists: code === "ENODATA" } : { status: "failed" };
}
