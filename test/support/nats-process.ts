import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface NatsProcess {
  readonly pid: number;
  readonly port: number;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The server to test against: the one named in the environment, or the one on the path. */
export const natsServerProgram = (): string => process.env["PITAYA_NATS_SERVER"] ?? "nats-server";

/**
 * Starts a nats-server on the loopback and waits until it is ready.
 *
 * @param args besides address and port
 * @param port 0 for a free one
 */
export async function spawnNats(args: readonly string[], port: number): Promise<NatsProcess> {
  const child = spawn(
    natsServerProgram(),
    ["-a", "127.0.0.1", "-p", String(port === 0 ? -1 : port), ...args],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "exit");
  const listening = await ready(child, exited);
  const { pid } = child;
  if (pid === undefined) throw new Error("nats-server has no process id");
  return {
    pid,
    port: listening,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await exited;
    },
  };
}

/** Reads the server's log for its port and the word that it is ready. */
function ready(child: ChildProcess, exited: Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      const port = /Listening for client connections on \S*:(\d+)/.exec(log);
      if (port === null || !log.includes("Server is ready")) return;
      child.stderr?.removeAllListeners("data").resume();
      resolve(Number(port[1]));
    });
    exited.then(
      () => reject(new Error(`nats-server ended before it was ready:\n${log}`)),
      (error) => reject(error),
    );
  });
}
