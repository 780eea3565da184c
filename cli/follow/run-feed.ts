import type { CaughtUp, StoredMessage } from "@pitaya/bus";
import { outputHeaders, runEvents, subjects } from "@pitaya/protocol";
import {
  type LogEvent,
  type OutwardEvent,
  projectEvent,
  projectOutput,
  type RunView,
  runLog,
  runView,
  type TextSource,
} from "@pitaya/views";
import type { Connection } from "../connect/connection.port.ts";
import { channel } from "./channel.ts";
import { logTexts } from "./log-texts.ts";

export type FeedItem =
  /** An event of the log, folded into the view, and what the outside sees of it. */
  | { readonly kind: "event"; readonly event: LogEvent; readonly outward: readonly OutwardEvent[] }
  /** Steps of an agent. */
  | { readonly kind: "steps"; readonly outward: readonly OutwardEvent[] }
  /** What was stored when the feed began has been handed over. */
  | { readonly kind: "caughtUp" }
  /** Someone asked to be looked at again. */
  | { readonly kind: "nudge" };

/**
 * A run's log and the steps of its agents, from the beginning on, each once: also when the server
 * or the embedded stack goes away and comes back.
 */
export interface RunFeed {
  /** With every item that was handed over folded in. */
  readonly view: RunView;
  readonly textOf: TextSource;
  /** The consumer has been given what was stored when the feed began. */
  readonly caughtUp: boolean;
  readonly items: AsyncIterable<FeedItem>;
  /** Makes the consumer wake up. */
  nudge(): void;
  /** Ends `items` once what is stored of the agents' steps by now has been handed over. */
  finish(): void;
  /** Ends `items` at once, with the error if one is given. */
  stop(error?: unknown): void;
}

/** Items that may wait for a slow consumer before the server is asked for no more. */
const ROOM = 256;

export function runFeed(connection: Connection, run: string): RunFeed {
  const log = runLog();
  const fold = runView();
  const texts = logTexts();
  const out = channel<FeedItem>(ROOM);
  const stopping = new AbortController();
  const stepsStopping = new AbortController();
  const stepFilter = [subjects.output.filter({ run })];
  const held: StoredMessage[] = [];
  let lastStep = 0;
  let stepsDone: Promise<void> = Promise.resolve();

  async function takeEvent(message: StoredMessage): Promise<void> {
    for (const [index, event] of log.admit(message).entries()) {
      fold.apply(event);
      await texts.load(connection.bus, event);
      const outward = projectEvent(run, event, index, fold.view, texts.source);
      await out.push({ kind: "event", event, outward });
      if (event.kind === "decision" && event.entry.type === "attempt.placed") await releaseHeld();
    }
  }

  async function releaseHeld(): Promise<void> {
    for (const message of held.splice(0)) await handOverSteps(message);
  }

  async function takeStep(message: StoredMessage): Promise<void> {
    // Not compared: a server that lost the end of its output gives out these sequences anew.
    lastStep = message.sequence;
    if (message.headers[outputHeaders.kind] === "records") await handOverSteps(message);
  }

  async function handOverSteps(message: StoredMessage): Promise<void> {
    const outward = projectOutput(run, message, fold.view);
    if (outward === undefined) held.push(message);
    else if (outward.length > 0) await out.push({ kind: "steps", outward });
  }

  /** Follows, and begins again where it was when the bus has become another. */
  async function follow(
    source: "events" | "output",
    filters: readonly string[],
    from: () => number,
    stop: AbortSignal,
    take: (message: StoredMessage | CaughtUp) => Promise<void>,
  ): Promise<void> {
    while (!stop.aborted) {
      const { bus, moved } = connection;
      const signal = AbortSignal.any([stop, moved]);
      for await (const item of bus[source].follow(filters, { fromSequence: from(), signal })) {
        if (stop.aborted) return;
        await take(item);
      }
      if (!stop.aborted) await connection.settled();
    }
  }

  async function finish(): Promise<void> {
    stepsStopping.abort();
    await stepsDone;
    for await (const message of connection.bus.output.read(stepFilter, lastStep + 1)) {
      await takeStep(message);
    }
    stopping.abort();
    out.end();
  }

  const failed = (error: unknown) => out.end(error);
  let caughtUp = false;
  let handedOver = false;
  let finishing = false;

  follow(
    "events",
    runEvents(run),
    () => log.lastSequence + 1,
    stopping.signal,
    async (item) => {
      if (!("caughtUp" in item)) return takeEvent(item);
      if (caughtUp) return;
      caughtUp = true;
      await out.push({ kind: "caughtUp" });
      // Steps come after what the log holds by now, so that their attempts are known.
      stepsDone = follow(
        "output",
        stepFilter,
        () => lastStep + 1,
        AbortSignal.any([stopping.signal, stepsStopping.signal]),
        async (step) => ("caughtUp" in step ? undefined : takeStep(step)),
      );
      stepsDone.catch(failed);
    },
  ).catch(failed);

  return {
    view: fold.view,
    textOf: texts.source,
    get caughtUp() {
      return handedOver;
    },
    items: (async function* () {
      for await (const item of out) {
        if (item.kind === "caughtUp") handedOver = true;
        yield item;
      }
    })(),
    nudge: () => void out.push({ kind: "nudge" }),
    finish() {
      if (finishing) return;
      finishing = true;
      finish().catch(failed);
    },
    stop(error) {
      stopping.abort();
      out.end(error);
    },
  };
}
