import type { Duplex } from "node:stream";

export interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** The standard streams of a container or of a process in it, over the engine's hijacked connection. */
export interface Attached {
  /**
   * What it writes, for one reader, who is waited for: nothing is read ahead of it. Ends with the
   * streams, with {@link Attached.close}, and when the connection breaks: the end of this says
   * nothing about the container.
   */
  readonly frames: AsyncIterable<Frame>;
  /** Resolves when the bytes were handed to the connection's buffer and that has room. */
  write(bytes: Uint8Array | string): Promise<void>;
  endInput(): void;
  close(): void;
}

const HEADER_BYTES = 8;

/**
 * Takes the engine's framing apart: 8 bytes of header (stream, three zeros, length) and payload.
 * A frame is passed on in the pieces it arrives in, so that a long one is never collected.
 */
export function demultiplexer(): (chunk: Buffer) => Frame[] {
  let header = Buffer.alloc(0);
  let left = 0;
  let stream: Frame["stream"] = "stdout";
  return (chunk) => {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const taken = chunk.subarray(at, at + HEADER_BYTES - header.length);
        header = Buffer.concat([header, taken]);
        at += taken.length;
        if (header.length < HEADER_BYTES) break;
        stream = header[0] === 2 ? "stderr" : "stdout";
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const bytes = chunk.subarray(at, at + left);
      frames.push({ stream, bytes });
      at += bytes.length;
      left -= bytes.length;
    }
    return frames;
  };
}

export function attached(connection: Duplex): Attached {
  // Without a listener a reset connection would end the process. Its reader sees it as the end.
  let broken = false;
  connection.on("error", () => {
    broken = true;
  });

  async function* frames(): AsyncGenerator<Frame> {
    const split = demultiplexer();
    try {
      for await (const chunk of connection) yield* split(chunk as Buffer);
    } catch (error) {
      if (!broken && !connection.destroyed) throw error;
    }
  }

  return {
    frames: frames(),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        connection.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    endInput: () => {
      connection.end();
    },
    close: () => {
      connection.destroy();
    },
  };
}
