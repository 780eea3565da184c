import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

/** In a form that the CLIs of all providers show. */
const bodyOf = (message: string): string =>
  JSON.stringify({
    type: "error",
    error: {
      type: "pitaya_gateway",
      code: "pitaya_gateway",
      message: `Pitaya's gateway: ${message}`,
    },
  });

const HEADERS: Readonly<Record<number, Record<string, string>>> = {
  407: { "proxy-authenticate": 'Basic realm="pitaya"' },
};

export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json", ...HEADERS[status] });
  response.end(bodyOf(message));
}

/** For who asked for a tunnel, or for another protocol. */
export function refuseRaw(socket: Duplex, status: number, message: string): void {
  const body = bodyOf(message);
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
    ...HEADERS[status],
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}
