import type { Bucket, Bus, BusStatus, Delivery } from "@pitaya/bus";
import { matchesFilter } from "@pitaya/bus";
import type { MemoryBroker } from "@pitaya/bus/testing";
import { PitayaError } from "@pitaya/protocol";
import type { Network } from "./network.ts";
import type { Life } from "./world.ts";

/** Who answers requests, over all processes. */
export interface Switchboard {
  readonly responders: Set<Responder>;
}

interface Responder {
  readonly life: Life;
  readonly subjects: readonly string[];
  readonly answer: (subject: string, payload: Uint8Array) => Promise<Uint8Array>;
  readonly delayMs: () => number;
}

export const switchboard = (): Switchboard => ({ responders: new Set() });

/** As the real client has it. */
const BUCKET_PATIENCE_MS = 5_000;
const ACK_PATIENCE_MS = 6_000;
const ASK_AGAIN_MS = 100;

/** A reason that costs no stack. */
const OVER = new Error("over");

/** The bus as one incarnation of a process has it: the broker in memory, at the end of bad ways. */
export function simulatedBus(net: Network, broker: MemoryBroker, board: Switchboard): Bus {
  const { world, life, random, weather } = net;
  const server = broker.connect(life.name);
  life.onDeath.push(() => void server.close());
  const repeatable = <T>(deed: () => Promise<T>) => {
    // A repeat carries the id of the first try, and the server answers it as it did the first.
    let done: Promise<T> | undefined;
    return () => {
      done ??= deed();
      return done;
    };
  };

  async function* following<T>(
    what: string,
    signal: AbortSignal,
    open: (signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const stop = new AbortController();
    life.onDeath.push(() => stop.abort(OVER));
    const line = net.line<T>(what);
    const pump = async () => {
      for await (const item of open(stop.signal)) line.push(item);
    };
    void pump();
    try {
      yield* line.items(signal);
    } finally {
      stop.abort(OVER);
    }
  }

  const log = (which: "events" | "output") => ({
    last: (subject: string) =>
      net.call(`read the last of ${subject}`, () => server[which].last(subject)),
    async *read(filters: readonly string[], fromSequence?: number) {
      const all = async () => {
        const found = [];
        for await (const message of server[which].read(filters, fromSequence)) found.push(message);
        return found;
      };
      yield* await net.call(`read ${which}`, all);
    },
    follow: (
      filters: readonly string[],
      options: { readonly fromSequence?: number; readonly signal: AbortSignal },
    ) =>
      following(which, options.signal, (signal) =>
        server[which].follow(filters, { ...options, signal }),
      ),
  });

  function deliveryOf(inner: Delivery): Delivery {
    const about = `order ${inner.sequence}`;
    return {
      ...inner,
      ack: () => net.call(`acknowledge ${about}`, () => inner.ack(), { forMs: ACK_PATIENCE_MS }),
      nak: (delayMs) =>
        net.call(`put back ${about}`, () => inner.nak(delayMs), { forMs: ACK_PATIENCE_MS }),
    };
  }

  async function next(
    runner: string,
    queue: "start" | "control",
    signal: AbortSignal,
  ): Promise<Delivery | undefined> {
    const stop = new AbortController();
    const end = () => stop.abort(OVER);
    signal.addEventListener("abort", end, { once: true });
    life.onDeath.push(end);
    try {
      while (!signal.aborted) {
        const taken = await new Promise<Delivery | undefined>((resolve) => {
          signal.addEventListener("abort", () => resolve(undefined), { once: true });
          const give = (delivery: Delivery | undefined) => {
            if (delivery === undefined) return;
            // Another copy, while this one is on its way or being handled.
            if (random.chance(weather.twice)) void delivery.nak(random.between(1, 2_000));
            const arrive = () =>
              life.cut || signal.aborted ? refuse(delivery) : resolve(delivery);
            world.after(
              net.delayMs(),
              `order ${delivery.subject} #${delivery.sequence}`,
              arrive,
              life,
            );
          };
          const refuse = (delivery: Delivery) => {
            void delivery.nak(0);
            resolve(undefined);
          };
          const ask = () => void server.commands.next(runner, queue, stop.signal).then(give);
          if (life.cut) {
            const look = () => {
              life.onConnection.delete(look);
              if (!life.cut) ask();
              else life.onConnection.add(look);
            };
            life.onConnection.add(look);
          } else ask();
        });
        if (taken !== undefined) return deliveryOf(taken);
        // Let what else happens now happen first: this is asked again and again.
        if (!signal.aborted) await net.local("asks for orders again", async () => undefined);
      }
      return undefined;
    } finally {
      signal.removeEventListener("abort", end);
      stop.abort(OVER);
    }
  }

  function ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      let askedAnybody = false;
      const settle = (end: () => void) => {
        if (isSettled) return;
        isSettled = true;
        offLimit();
        end();
      };
      const giveUp = () =>
        settle(() => reject(askedAnybody ? noAnswer(subject, timeoutMs) : nobody(subject)));
      const offLimit = world.after(timeoutMs, `${subject} gives up`, giveUp, life);
      const hand = (responder: Responder) => {
        const asked = async () => {
          const answered = await responder.answer(subject, new Uint8Array(payload));
          if (responder.life.cut || random.chance(weather.unanswered)) return;
          const back = () => {
            if (!life.cut) settle(() => resolve(new Uint8Array(answered)));
          };
          world.after(net.delayMs(), `answer of ${responder.life.name} to ${subject}`, back, life);
        };
        world.after(responder.delayMs(), `asked ${subject}`, () => void asked(), responder.life);
      };
      const arrive = () => {
        const there = [...board.responders].filter(
          ({ life: other, subjects }) =>
            other.alive && !other.cut && subjects.some((filter) => matchesFilter(filter, subject)),
        );
        askedAnybody ||= there.length > 0;
        if (there.length === 0) askAgain();
        for (const responder of there) hand(responder);
      };
      const attempt = () => {
        if (isSettled) return;
        if (life.cut) askAgain();
        else if (!random.chance(weather.lost)) {
          world.after(net.delayMs(), `${life.name} → ${subject}`, arrive);
        }
      };
      const askAgain = () => {
        world.after(ASK_AGAIN_MS, `${subject} again`, attempt, life);
      };
      attempt();
    });
  }

  function bucketOf(descriptor: Parameters<Bus["bucket"]>[0]): Bucket {
    const inner = server.bucket(descriptor);
    const patience = { forMs: BUCKET_PATIENCE_MS };
    const { name } = descriptor;
    return {
      ...inner,
      get: (key) => net.call(`get ${name}.${key}`, () => inner.get(key), patience),
      put: (key, value, options) =>
        net.call(
          `put ${name}.${key}`,
          repeatable(() => inner.put(key, value, options)),
          patience,
        ),
      replace: (key, value, expected, options) =>
        net.call(
          `replace ${name}.${key} after ${expected}`,
          repeatable(() => inner.replace(key, value, expected, options)),
          patience,
        ),
      delete: (key) =>
        net.call(
          `delete ${name}.${key}`,
          repeatable(() => inner.delete(key)),
          patience,
        ),
      entries: () => net.call(`list ${name}`, () => inner.entries(), patience),
      watch: (signal) => following(name, signal, (inside) => inner.watch(inside)),
    };
  }

  return {
    ...server,
    events: {
      ...server.events,
      ...log("events"),
      append: (subject, message, signal) =>
        net.call(
          `append to ${subject} after ${message.expectedLast} as ${message.id}`,
          () => server.events.append(subject, message),
          { signal },
        ),
      note: (subject, message) =>
        net.call(`note on ${subject}`, () => server.events.note(subject, message)),
      state: () => net.call("look at the event stream", () => server.events.state()),
    },
    commands: {
      ...server.commands,
      ensureQueues: (runner) =>
        net.call(`make the queues of ${runner}`, () => server.commands.ensureQueues(runner)),
      publish: (subject, message) =>
        net.call(`order ${subject} as ${message.id}`, () =>
          server.commands.publish(subject, message),
        ),
      next,
    },
    output: {
      ...server.output,
      ...log("output"),
      publish: (subject, payload, headers) =>
        net.call(
          "publish output",
          repeatable(() => server.output.publish(subject, payload, headers)),
        ),
    },
    blobs: {
      ...server.blobs,
      async put(open, parents) {
        const parts: Uint8Array[] = [];
        for await (const part of open()) parts.push(part);
        const again = async function* () {
          yield* parts;
        };
        return net.call("put a blob", () => server.blobs.put(again, parents));
      },
      has: (ref) => net.call("look for a blob", () => server.blobs.has(ref)),
      async *get(ref) {
        const all = async () => {
          const parts: Uint8Array[] = [];
          for await (const part of server.blobs.get(ref)) parts.push(part);
          return parts;
        };
        yield* await net.call("get a blob", all);
      },
    },
    requests: {
      ask,
      serve(subjects, answer) {
        const responder = { life, subjects, answer, delayMs: net.delayMs };
        board.responders.add(responder);
        const leave = () => void board.responders.delete(responder);
        life.onDeath.push(leave);
        return async () => leave();
      },
    },
    bucket: bucketOf,
    async *status(signal): AsyncIterable<BusStatus> {
      const changes = net.line<BusStatus>("connection");
      let told: BusStatus = life.cut ? "disconnected" : "connected";
      yield told;
      const look = () => {
        const now = life.cut ? "disconnected" : "connected";
        if (now !== told) changes.push(now);
        told = now;
      };
      life.onConnection.add(look);
      try {
        yield* changes.items(signal);
      } finally {
        life.onConnection.delete(look);
      }
    },
  };
}

const nobody = (subject: string) => new PitayaError("no_coordinator", `Nobody answers ${subject}.`);

const noAnswer = (subject: string, timeoutMs: number) =>
  new PitayaError("bus_unavailable", `No answer to ${subject} within ${timeoutMs} ms.`);
