import type { Duplex } from "node:stream";

/** Longest line either side accepts; the longest that is sent is a status with many runs. */
const MAX_LINE_BYTES = 1024 * 1024;

export interface LineHandlers {
  /** One line, parsed as JSON. */
  message(value: unknown): void;
  /** The connection is over, whoever ended it. Called once, after the last message. */
  end(): void;
}

export interface LineChannel {
  /** Queued in order; nothing is sent on a connection that is over. */
  send(message: object): void;
  /** Sends what is queued, then ends. */
  close(): void;
}

/** JSON objects, one a line, over a socket. A line that is too long or no JSON ends the connection. */
export function lineChannel(socket: Duplex, handlers: LineHandlers): LineChannel {
  socket.setEncoding("utf8");
  let rest = "";
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    handlers.end();
  };
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const value = parse(line);
      if (value === undefined || ended) return void socket.destroy();
      handlers.message(value);
    }
    if (rest.length > MAX_LINE_BYTES) socket.destroy();
  });
  socket.on("end", () => socket.end());
  // A broken connection is one that ended: `close` follows.
  socket.on("error", () => {});
  socket.on("close", end);
  return {
    send: (message) => {
      if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
    },
    close: () => socket.end(),
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
