import { type Bus, natsBus } from "@pitaya/bus";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { connectStack, type StackConnection } from "../stack/index.ts";
import type { Connection, ConnectOptions, StackGone } from "./connection.port.ts";

/**
 * The embedded stack of this user, started where it does not run. If its supervisor dies while this
 * is open, it is started again; where it then has another address, `bus` becomes another.
 */
export async function connectEmbedded(options: ConnectOptions): Promise<Connection> {
  const { env, stateDirectory, onProgress, onNotice } = options;
  let stack = await connectStack({
    env,
    onProgress,
    onNotice,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  });
  const client = stack.bus.user.id;
  const openBus = (of: StackConnection): Promise<Bus> =>
    natsBus({ servers: of.bus.url, name: client, user: of.bus.user }).catch((error: unknown) => {
      throw ownServerFault(error);
    });
  let bus = await openBus(stack).catch((error: unknown) => {
    stack.close();
    throw error;
  });
  let moved = new AbortController();
  let settled: Promise<void> = Promise.resolve();
  let closed = false;
  let raised: { readonly run: string; readonly atLeast: number } | undefined;
  const gone = Promise.withResolvers<StackGone>();

  const watch = async () => {
    for (;;) {
      const end = await stack.ended;
      if (closed) return;
      if (end.reason === "down") {
        gone.resolve(end);
        return;
      }
      onProgress(`the embedded stack ended (${end.reason}); starting it again`);
      const restart = reopen();
      settled = restart;
      await restart;
    }
  };

  const reopen = async () => {
    const next = await stack.reconnect();
    const elsewhere = next.bus.url !== stack.bus.url;
    stack = next;
    await stack.release();
    if (raised) await stack.raiseSlots(raised.run, raised.atLeast);
    if (!elsewhere) return;
    const old = bus;
    const nextBus = await openBus(next);
    bus = nextBus;
    const before = moved;
    moved = new AbortController();
    before.abort();
    await old.close();
  };

  void watch().catch((error: unknown) => {
    gone.resolve({
      reason: error instanceof Error ? error.message : String(error),
      interrupted: [],
    });
  });

  return {
    get bus() {
      return bus;
    },
    get moved() {
      return moved.signal;
    },
    settled: () => settled,
    client,
    store: "embedded",
    gone: gone.promise,
    submitted: () => stack.release(),
    async raiseSlots(run, atLeast) {
      raised = { run, atLeast };
      await stack.raiseSlots(run, atLeast);
    },
    async close() {
      closed = true;
      stack.close();
      await bus.close();
    },
  };
}

/** Nobody has given the address of the embedded server, so nobody can check it. */
export function ownServerFault(error: unknown): unknown {
  if (!isPitayaError(error, "bus_unavailable")) return error;
  const message = "The NATS server of the embedded stack runs and does not answer.";
  return new PitayaError("bus_unavailable", message, {
    cause: error,
    hint: "See `pitaya status`. `pitaya down` ends the stack, and the next command starts it anew; its runs can be resumed.",
  });
}
