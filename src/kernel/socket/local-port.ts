/**
 * The local name of a stream socket: the port that bind(2) or listen(2) took, and what getsockname(2) tells of it while there is
 * no connection to ask.
 */
import { EADDRINUSE } from "../../abi/errno.ts";
import type { PortReservation, PortTable, ReuseFlags } from "../net/ports.ts";
import type { SocketAddressV4 } from "./socket-state.ts";

export class LocalPort {
  /** Our own hold on the port; connections hold it for themselves. */
  reservation: PortReservation | null = null;
  /** The address that bind() was given, and whether it was given a port too. */
  private boundAddress = 0;
  private isPortChosen = false;
  /** As on Linux, getsockname() goes on telling a port that has been given back. */
  lastPort = 0;

  /** 0, or -EADDRINUSE. Port 0 asks for a free one. */
  reserve(ports: PortTable, address: number, port: number, flags: ReuseFlags): number {
    const reservation = ports.reserve(address, port, flags);
    if (typeof reservation === "number") return reservation || -EADDRINUSE;
    this.reservation = reservation;
    this.boundAddress = address;
    this.isPortChosen = port !== 0;
    this.lastPort = reservation.port;
    return 0;
  }

  /** The connection or the listener has ended: a port that nobody asked for by its number goes too. */
  useEnded(): void {
    if (!this.isPortChosen) this.release();
    // connect() had narrowed a wildcard to the address it used.
    else if (this.reservation !== null) this.reservation.address = this.boundAddress;
  }

  release(): void {
    this.reservation?.release();
    this.reservation = null;
  }

  get name(): SocketAddressV4 {
    return { address: this.reservation?.address ?? this.boundAddress, port: this.reservation?.port ?? this.lastPort };
  }
}
