/** libakuma, as programs import it. */
export { Akuma, createAkuma } from "./akuma.ts";
export { ByteStream } from "./byte-stream.ts";
export { Exited, type Result } from "./calls.ts";
export { AkumaError, type ErrorKind, reason } from "./error.ts";
export { type DirectoryEntry, File, FileSystem, type OpenOptions } from "./fs.ts";
export type { Program, ProgramGate } from "./gate.ts";
export { decodeText, encodeText, Memory } from "./memory.ts";
export { type AddressLike, Network, Shutdown } from "./net.ts";
export { type EchoReply, PingSocket } from "./ping-socket.ts";
export type { SignalHandler, SpawnRequest, SystemName } from "./process-calls.ts";
export { formatIpv4, parseIpv4, SocketAddrV4, splitHostPort } from "./socket-address.ts";
export { startProgram } from "./start.ts";
export { Stat } from "./stat.ts";
export { StandardStream } from "./stdio.ts";
export { type Incoming, TcpListener } from "./tcp-listener.ts";
export { TcpStream } from "./tcp-stream.ts";
export { UdpSocket } from "./udp-socket.ts";
