/**
 * The states of a socket as programs can tell them apart, and the only ways from one to the next. (The states of a TCP connection,
 * RFC 9293 section 3.3.2, lie below: a socket that is Connected may be in ESTABLISHED or CLOSE-WAIT.)
 *
 *     socket()                                                     accept() makes a new socket
 *        │                                                         that is Connected
 *        ▼       bind()            listen()                                ┆
 *     ┌─────────┐ ─────▶ ┌───────┐ ───────▶ ┌───────────┐ ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┤
 *     │ Unbound │        │ Bound │          │ Listening │                 ┆
 *     └─────────┘ ◀───── └───────┘ ◀─────── └───────────┘                 ┆
 *        ▲     connect()   ▲   │  shutdown(SHUT_RD)                       ▼
 *        │      failed     │   │ connect()                         ┌───────────┐
 *        │                 │   └─────────────────────────────────▶ │ Connected │ ◀── socketpair()
 *        │                 │                                       └───────────┘
 *        │                 │ connect() with AF_UNSPEC, from            │   │
 *        └─────────────────┴── Connected, Closing and Closed           │   │
 *                                                                      │   │
 *             both directions shut down, or close() with data or a FIN │   │ reset, timeout,
 *             still to deliver                                         ▼   │ both FINs seen
 *                                                             ┌─────────┐  │
 *                                                             │ Closing │  │
 *                                                             └─────────┘  │
 *                                                     delivered, or │      │
 *                                                     reset         ▼      ▼
 *                                                             ┌────────────────┐
 *                           close() from every other state ─▶ │     Closed     │
 *                                                             └────────────────┘
 *
 * listen() and connect() bind an Unbound socket first. A port that nobody named (bind() to port 0, or none) is given back when the
 * socket stops to listen or its connection ends: such a socket is Unbound where the diagram says Bound. While the handshake of connect() is under way the socket stays Bound: it
 * has its local address, and its pending connection decides whether it becomes Connected or falls back. A datagram socket goes
 * Unbound → Bound → Connected and, by connect() with AF_UNSPEC, back. A port that the program did not name itself is given back with
 * the listener or connection that used it: then the way back leads to Unbound. A socket whose connection is over may be bound anew.
 */

/** An IPv4 address (number in host order) and a port. The unnamed ends of AF_UNIX have 0 and 0; see UnixSocket for their names. */
export interface SocketAddressV4 {
  readonly address: number;
  readonly port: number;
}

export type SocketState =
  | { readonly kind: "Unbound" }
  | { readonly kind: "Bound"; readonly localAddress: SocketAddressV4 }
  | { readonly kind: "Listening"; readonly localAddress: SocketAddressV4; readonly backlog: number }
  | { readonly kind: "Connected"; readonly localAddress: SocketAddressV4; readonly remoteAddress: SocketAddressV4 }
  | { readonly kind: "Closing" }
  | { readonly kind: "Closed" };

export type SocketStateKind = SocketState["kind"];

export const UNBOUND: SocketState = { kind: "Unbound" };
export const CLOSING: SocketState = { kind: "Closing" };
export const CLOSED: SocketState = { kind: "Closed" };

const successors: Readonly<Record<SocketStateKind, readonly SocketStateKind[]>> = {
  // A socket that accept() or socketpair() makes is Unbound for the moment of its making.
  Unbound: ["Bound", "Connected", "Closed"],
  Bound: ["Unbound", "Listening", "Connected", "Closed"],
  Listening: ["Bound", "Unbound", "Closed"],
  Connected: ["Unbound", "Bound", "Closing", "Closed"],
  Closing: ["Unbound", "Bound", "Closed"],
  Closed: ["Unbound", "Bound"],
};

/**
 * True for an arrow of the diagram. (Closing and Closed lead back only while a descriptor is still open, by connect() with
 * AF_UNSPEC, which makes a socket new.)
 */
export function isTransition(from: SocketStateKind, to: SocketStateKind): boolean {
  return successors[from].includes(to);
}
