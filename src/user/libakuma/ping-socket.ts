/** ICMP echo over Linux's ping sockets (icmp(7)): no privilege needed; the system fills in identifier and checksum. */
import { EAGAIN } from "../../abi/errno.ts";
import {
  AF_INET,
  IP_TTL,
  IPPROTO_ICMP,
  IPPROTO_IP,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCKADDR_IN_BYTES,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import type { Akuma } from "./akuma.ts";
import { check, retry } from "./retry.ts";
import { readSocketAddress, SocketAddrV4, writeSocketAddress } from "./socket-address.ts";

const IP_RECVTTL = 12;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const HEADER_BYTES = 8;
const MESSAGE_HEADER_BYTES = 56;
const CONTROL_BYTES = 64;
/** Places in the block: struct msghdr, one struct iovec, the address, control messages, then the packet. */
const VECTOR_AT: number = MESSAGE_HEADER_BYTES;
const ADDRESS_AT: number = VECTOR_AT + 16;
const CONTROL_AT: number = ADDRESS_AT + SOCKADDR_IN_BYTES;
const PACKET_AT: number = CONTROL_AT + CONTROL_BYTES;

export interface EchoReply {
  sequence: number;
  /** Of ICMP header and data. */
  byteLength: number;
  from: string;
  /** Hops left when it arrived; undefined where the system did not say. */
  timeToLive: number | undefined;
}

export class PingSocket {
  readonly fd: number;
  private readonly akuma: Akuma;
  private readonly block: number;
  private readonly blockBytes: number;
  private readonly packetBytes: number;

  /** `dataBytes`: what a request carries beyond its header. */
  constructor(akuma: Akuma, dataBytes: number, timeToLive?: number) {
    this.akuma = akuma;
    this.fd = check(akuma.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP), "socket");
    this.packetBytes = HEADER_BYTES + dataBytes;
    this.blockBytes = PACKET_AT + this.packetBytes + 128;
    this.block = akuma.memory.heap.allocate(this.blockBytes);
    akuma.setsockopt(this.fd, IPPROTO_IP, IP_RECVTTL, 1);
    if (timeToLive !== undefined) check(akuma.setsockopt(this.fd, IPPROTO_IP, IP_TTL, timeToLive), "IP_TTL");
  }

  /** Sends a request; throws AkumaError where the address cannot be reached. */
  async send(address: string, sequence: number): Promise<void> {
    const { memory } = this.akuma;
    const packet = this.block + PACKET_AT;
    memory.bytes.fill(0, packet, packet + HEADER_BYTES);
    memory.bytes[packet] = ECHO_REQUEST;
    memory.view.setUint16(packet + 6, sequence & 0xffff);
    for (let k = HEADER_BYTES; k < this.packetBytes; k++) memory.bytes[packet + k] = k;
    const target = new SocketAddrV4(address, 0);
    writeSocketAddress(memory, this.block + ADDRESS_AT, target.address, 0);
    const at = this.block + ADDRESS_AT;
    check(await retry(() => this.akuma.sendto(this.fd, packet, this.packetBytes, 0, at)), "sendto");
  }

  /** The next reply; undefined when none came in time, "error" when the network said that none will come. */
  async receive(timeoutMilliseconds: number): Promise<EchoReply | undefined> {
    const { akuma } = this;
    const { memory } = akuma;
    // 0 would wait for ever.
    akuma.setSocketTimeout(this.fd, SOL_SOCKET, SO_RCVTIMEO, Math.max(1, timeoutMilliseconds));
    this.prepareMessage();
    const result = await akuma.syscall(akuma.numbers.recvmsg, this.fd, this.block, 0);
    if (result === -EAGAIN) return undefined;
    check(result, "recvmsg");
    const packet = this.block + PACKET_AT;
    if (memory.bytes[packet] !== ECHO_REPLY) return undefined;
    return {
      sequence: memory.view.getUint16(packet + 6),
      byteLength: result,
      from: readSocketAddress(memory, this.block + ADDRESS_AT).ip,
      timeToLive: this.timeToLive(),
    };
  }

  close(): void {
    this.akuma.close(this.fd);
    this.akuma.memory.heap.free(this.block, this.blockBytes);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** struct msghdr: name, its length, vector, its count, control, its length, flags; 8 bytes each. */
  private prepareMessage(): void {
    const { memory } = this.akuma;
    const at = this.block;
    memory.writeInt64(at, at + ADDRESS_AT);
    memory.writeInt64(at + 8, SOCKADDR_IN_BYTES);
    memory.writeInt64(at + 16, at + VECTOR_AT);
    memory.writeInt64(at + 24, 1);
    memory.writeInt64(at + 32, at + CONTROL_AT);
    memory.writeInt64(at + 40, CONTROL_BYTES);
    memory.writeInt64(at + 48, 0);
    memory.writeInt64(at + VECTOR_AT, at + PACKET_AT);
    memory.writeInt64(at + VECTOR_AT + 8, this.blockBytes - PACKET_AT);
  }

  /** From the control messages: length (8 bytes), level, type, then an int. */
  private timeToLive(): number | undefined {
    const { memory } = this.akuma;
    const end = this.block + CONTROL_AT + memory.readInt64(this.block + 40);
    for (let at = this.block + CONTROL_AT; at + 20 <= end; ) {
      const length = memory.readInt64(at);
      if (length < 16) return undefined;
      if (memory.readInt32(at + 8) === IPPROTO_IP && memory.readInt32(at + 12) === IP_TTL)
        return memory.readInt32(at + 16);
      at += Math.ceil(length / 8) * 8;
    }
    return undefined;
  }
}
