/** Where --pcap writes: a file, filled in large pieces and complete after every quiet moment. */
import { closeSync, openSync, writeSync } from "node:fs";

const FLUSH_BYTES = 256 * 1024;
const FLUSH_MILLISECONDS = 100;

export interface Capture {
  readonly sink: (bytes: Uint8Array) => void;
  close(): void;
}

/** Throws what opening the file throws. Errors while writing end the capture and are told to `onError` once. */
export function openCapture(path: string, onError: (error: Error) => void = () => {}): Capture {
  const file = openSync(path, "w");
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let isOpen = true;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const pieces = pending;
    pending = [];
    pendingBytes = 0;
    if (!isOpen || pieces.length === 0) return;
    try {
      const all = Buffer.concat(pieces);
      for (let at = 0; at < all.length; ) at += writeSync(file, all, at);
    } catch (error) {
      isOpen = false;
      closeSync(file);
      onError(error as Error);
    }
  };
  return {
    sink: (bytes) => {
      if (!isOpen) return;
      pending.push(bytes);
      pendingBytes += bytes.length;
      if (pendingBytes >= FLUSH_BYTES) flush();
      else timer ??= setTimeout(flush, FLUSH_MILLISECONDS).unref();
    },
    close: () => {
      flush();
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}
