import { connect, type Socket } from "node:net";
import { PitayaError } from "@pitaya/protocol";
import { hasCode } from "./private-files.ts";

/** A connection to whoever listens there; `undefined` when nobody does. */
export function openSocket(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const failed = (error: Error) => {
      // A file without a listener, no file, or one that is being replaced this moment.
      const nobody = hasCode(error, "ENOENT", "ECONNREFUSED", "ENOTSOCK", "EAGAIN", "ECONNRESET");
      if (nobody) resolve(undefined);
      else reject(new PitayaError("stack_failed", `cannot connect to ${path}: ${error.message}`));
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.off("error", failed);
      resolve(socket);
    });
  });
}

export async function isListening(path: string): Promise<boolean> {
  const socket = await openSocket(path);
  socket?.destroy();
  return socket !== undefined;
}
