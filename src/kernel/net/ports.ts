/**
 * Which local ports are taken, for TCP and UDP one table each. Follows bind(2) and socket(7) as Linux applies them: SO_REUSEADDR
 * lets bindings overlap while none of them listens, SO_REUSEPORT where all of them set it; connections hold their port too.
 */
import { EADDRINUSE, EADDRNOTAVAIL } from "../../abi/errno.ts";
import { nextBelow, type RandomSource } from "../../base/random.ts";

/** Linux's net.ipv4.ip_local_port_range. */
export const EPHEMERAL_FIRST_PORT = 32768;
export const EPHEMERAL_LAST_PORT = 60999;

/**
 * Stands for the wildcard of IPv6 alone, whose ports are not IPv4's. An address of class E (RFC 1112 section 4): no interface has it and
 * no packet comes to it.
 */
export const IPV6_ONLY_ADDRESS = 0xf000_0006;

export interface ReuseFlags {
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
}

/** What kind of holder an entry stands for: one socket's bind, accepted connections, or connections with a port chosen by connect(). */
type HolderKind = "bound" | "accepted" | "connected";

/** A hold on (address, port); address 0 means every address. Entries of connections are shared and counted. */
export class PortReservation {
  readonly table: PortTable;
  /** Zero for the wildcard address. */
  address: number;
  readonly port: number;
  readonly kind: HolderKind;
  reuseAddress: boolean;
  reusePort: boolean;
  listening = false;
  /** Connections that share this entry; 0 once released. */
  holders = 1;

  constructor(table: PortTable, address: number, port: number, kind: HolderKind, flags: ReuseFlags) {
    this.table = table;
    this.address = address;
    this.port = port;
    this.kind = kind;
    this.reuseAddress = flags.reuseAddress;
    this.reusePort = flags.reusePort;
  }

  /** listen(2): 0, or -EADDRINUSE when another socket that shares the port listens already. */
  markListening(): number {
    if (this.table.conflicts(this.address, this.port, this, this)) return -EADDRINUSE;
    this.listening = true;
    return 0;
  }

  stopListening(): void {
    this.listening = false;
  }

  /** connect(2) on a socket bound to the wildcard address fixes its address. */
  narrow(address: number): void {
    if (this.kind === "bound" && this.address === 0) this.address = address;
  }

  /** SO_REUSEADDR or SO_REUSEPORT set after bind(2): later conflict checks see it. */
  setFlags(flags: ReuseFlags): void {
    this.reuseAddress = flags.reuseAddress;
    this.reusePort = flags.reusePort;
  }

  /** Gives the hold back. More than once does no harm on an entry of one socket. */
  release(): void {
    if (this.holders === 0) return;
    this.holders--;
    if (this.holders === 0) this.table.remove(this);
  }
}

export class PortTable {
  private readonly random: RandomSource;
  /** Entries per port; a port that is not in the map is free. */
  private readonly entries = new Map<number, PortReservation[]>();

  constructor(random: RandomSource) {
    this.random = random;
  }

  /** Ports in use, each counted once. */
  get size(): number {
    return this.entries.size;
  }

  /** bind(2). Port 0 asks for an ephemeral one, chosen at random (RFC 6056 section 3.3.1). -EADDRINUSE when taken or none is left. */
  reserve(address: number, port: number, flags: ReuseFlags): PortReservation | number {
    let chosen = port;
    if (port === 0) {
      chosen = this.search((candidate) => !this.entries.has(candidate));
      // Crowded: a port held by others at other addresses, or shared by permission, will do as well.
      if (chosen < 0) chosen = this.search((candidate) => !this.conflicts(address, candidate, flags, null));
      if (chosen < 0) return -EADDRINUSE;
    } else if (this.conflicts(address, port, flags, null)) return -EADDRINUSE;
    return this.insert(new PortReservation(this, address, chosen, "bound", flags));
  }

  /**
   * The port for a connect(2) of an unbound socket. Ports bound by hand are passed over; one that other connections
   * use will do when `isFree` finds the whole four-tuple unused. -EADDRNOTAVAIL when every port was refused.
   */
  reserveForConnection(address: number, isFree: (port: number) => boolean): PortReservation | number {
    const chosen = this.search((candidate) => {
      const there = this.entries.get(candidate);
      if (there !== undefined) for (const entry of there) if (entry.kind !== "connected") return false;
      return isFree(candidate);
    });
    if (chosen < 0) return -EADDRNOTAVAIL;
    return this.share(address, chosen, "connected", { reuseAddress: false, reusePort: false });
  }

  /** A hold for a connection that a listener accepted; it inherits the listener's flags. */
  holdAccepted(listening: PortReservation, address: number): PortReservation {
    return this.share(address, listening.port, "accepted", listening);
  }

  /** Whether binding to (address, port) with these flags would clash with an entry other than `self`. */
  conflicts(address: number, port: number, flags: ReuseFlags, self: PortReservation | null): boolean {
    const there = this.entries.get(port);
    if (there === undefined) return false;
    for (const entry of there) {
      if (entry === self) continue;
      if ((address === IPV6_ONLY_ADDRESS) !== (entry.address === IPV6_ONLY_ADDRESS)) continue;
      if (address !== 0 && entry.address !== 0 && address !== entry.address) continue;
      if (flags.reusePort && entry.reusePort) continue;
      if (flags.reuseAddress && entry.reuseAddress && !entry.listening) continue;
      return true;
    }
    return false;
  }

  /** Every entry, for tests and listings. */
  *reservations(): Iterable<PortReservation> {
    for (const there of this.entries.values()) yield* there;
  }

  /** Called by the reservation's last release. */
  remove(reservation: PortReservation): void {
    const there = this.entries.get(reservation.port);
    if (there === undefined) return;
    const at = there.indexOf(reservation);
    if (at < 0) return;
    if (there.length === 1) this.entries.delete(reservation.port);
    else there.splice(at, 1);
  }

  private share(address: number, port: number, kind: HolderKind, flags: ReuseFlags): PortReservation {
    const there = this.entries.get(port);
    if (there !== undefined) {
      for (const entry of there) {
        if (entry.kind !== kind || entry.address !== address) continue;
        if (entry.reuseAddress !== flags.reuseAddress || entry.reusePort !== flags.reusePort) continue;
        entry.holders++;
        return entry;
      }
    }
    return this.insert(new PortReservation(this, address, port, kind, flags));
  }

  private insert(reservation: PortReservation): PortReservation {
    const there = this.entries.get(reservation.port);
    if (there === undefined) this.entries.set(reservation.port, [reservation]);
    else there.push(reservation);
    return reservation;
  }

  /** The first ephemeral port from a random one on (and around) that suits; -1 for none. */
  private search(suits: (port: number) => boolean): number {
    const count = EPHEMERAL_LAST_PORT - EPHEMERAL_FIRST_PORT + 1;
    const from = nextBelow(this.random, count);
    for (let k = 0; k < count; k++) {
      const port = EPHEMERAL_FIRST_PORT + ((from + k) % count);
      if (suits(port)) return port;
    }
    return -1;
  }
}
