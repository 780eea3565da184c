import { randomBytes } from "node:crypto";
import type { Clock } from "@pitaya/actors";
import { answer, type Bus } from "@pitaya/bus";
import {
  type ApiRequest,
  type GcReport,
  MAX_OWNERLESS,
  type Ownerless,
  ProcessId,
  subjects,
} from "@pitaya/protocol";
import type { Logger } from "pino";
import { askRunners } from "./ask-runners.ts";
import { collectStore } from "./collect-store.ts";
import { storeSurveyor } from "./look-at-store.ts";
import { knownRunners } from "./ownership.rules.ts";

export interface GcOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly epoch: number;
  /** Between the two looks at the store. 2,000. */
  readonly waitMs?: number;
  /** For the runners to look over their hosts. 30,000, and twice that where they remove. */
  readonly limitMs?: number;
}

const WAIT_MS = 2_000;
const LIMIT_MS = 30_000;

/**
 * Answers the request `gc`: what nobody owns in the store and on the hosts of all runners that
 * answer, and with `remove` its removal. One at a time. @returns a function that stops it
 */
export function serveGc(options: GcOptions): () => Promise<void> {
  const over = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (request: ApiRequest<"gc">) => {
    const next = last.then(() => gc(options, request.remove, over.signal));
    last = next.catch(() => undefined);
    return next;
  };
  const about = { epoch: () => options.epoch };
  const stop = answer(options.bus, "gc", [subjects.api.of({ verb: "gc" })], about, inTurn);
  return async () => {
    over.abort();
    await stop();
  };
}

async function gc(options: GcOptions, remove: boolean, signal: AbortSignal): Promise<GcReport> {
  const { bus, clock, log } = options;
  const request = randomBytes(8).toString("hex");
  const surveyor = storeSurveyor(bus, clock.now);
  const first = await surveyor.look();
  const known = knownRunners(first);
  const alive = known.flatMap(({ runner, alive }) => (alive ? [runner] : []));
  const [store, hosts] = await Promise.all([
    collectStore(first, {
      ...{ bus, clock, remove, signal },
      look: surveyor.look,
      waitMs: options.waitMs ?? WAIT_MS,
    }),
    askRunners(alive, {
      ...{ bus, clock, log, signal, remove, request },
      epoch: options.epoch,
      limitMs: options.limitMs ?? (remove ? 2 * LIMIT_MS : LIMIT_MS),
    }),
  ]);
  const answered = new Set<string>(hosts.map(({ runner }) => runner));
  const silent = known.flatMap(({ runner }) =>
    answered.has(runner) ? [] : [ProcessId.parse(runner)],
  );
  const count = store.ownerless.length;
  log.info(
    { request, remove, count, removed: store.removed, silent },
    "looked for what has no owner",
  );
  // All of it has to fit into one message.
  const most = Math.max(20, Math.floor(MAX_OWNERLESS / (hosts.length + 1)));
  const shown = (ownerless: readonly Ownerless[]) => ownerless.slice(0, most);
  return {
    places: [
      { ownerless: shown(store.ownerless), count, removed: store.removed },
      ...hosts.map(({ runner, ownerless, count, removed }) => ({
        ...{ runner, count, removed },
        ownerless: shown(ownerless),
      })),
    ],
    silent,
  };
}
