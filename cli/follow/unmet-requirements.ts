import { type Bus, decode } from "@pitaya/bus";
import { buckets, isPitayaError, meets, type Requirements, RunnerAbout } from "@pitaya/protocol";
import type { RunView } from "@pitaya/views";
import { printable } from "../output/printable.rules.ts";
import type { FeedItem, RunFeed } from "./run-feed.ts";

/**
 * What instances wait for that no runner there is offers, a line for each kind of runner. They wait
 * until one comes.
 */
export async function unmetRequirements(
  bus: Pick<Bus, "bucket">,
  { instances }: Pick<RunView, "instances">,
): Promise<readonly string[]> {
  const wanted = new Map<string, { readonly requires: Requirements; keys: string[] }>();
  for (const { state, requires, key } of instances.values()) {
    if (state !== "queued" || requires === undefined) continue;
    const text = required(requires);
    const same = wanted.get(text) ?? { requires, keys: [] };
    wanted.set(text, { requires, keys: [...same.keys, key] });
  }
  if (wanted.size === 0) return [];
  const runners = await runnersThere(bus);
  return [...wanted].flatMap(([text, { requires, keys }]) => {
    if (runners.some((runner) => meets(runner, requires))) return [];
    const more = keys.length > 1 ? ` and ${keys.length - 1} more` : "";
    return `${printable(keys[0] ?? "")}${more}: waiting for a runner with ${text}; ${offered(runners)}`;
  });
}

/** Tells of them while a run is followed: of each kind of runner once, by the first that wants it. */
export function unmetWatch(
  bus: Pick<Bus, "bucket">,
  feed: Pick<RunFeed, "view" | "caughtUp">,
  tell: (line: string) => Promise<void>,
): (item: FeedItem) => Promise<void> {
  const looked = new Set<string>();
  const told = new Set<string>();
  return async (item) => {
    const requires = requiredBy(item);
    const isNew = requires !== undefined && !looked.has(requires);
    if (!feed.caughtUp || !(isNew || item.kind === "caughtUp")) return;
    // Ten thousand instances that want the same are one look.
    if (requires !== undefined) looked.add(requires);
    const lines = await unmetRequirements(bus, feed.view).catch((error: unknown) => {
      // The run is followed without the hint while the store does not answer.
      if (isPitayaError(error) && error.retryable) return [];
      throw error;
    });
    for (const line of lines) {
      if (told.has(line)) continue;
      told.add(line);
      await tell(line);
    }
  };
}

function requiredBy(item: FeedItem): string | undefined {
  if (item.kind !== "event" || item.event.kind !== "decision") return undefined;
  const { entry } = item.event;
  const requires = entry.type === "instance.scheduled" ? entry.task.requires : undefined;
  return requires && required(requires);
}

const required = ({ pool, labels = {} }: Requirements): string =>
  [...(pool === undefined ? [] : [`pool=${pool}`]), ...pairs(labels)].map(printable).join(" ");

const pairs = (labels: Readonly<Record<string, string>>): string[] =>
  Object.entries(labels).map(([name, value]) => `${name}=${value}`);

const MOST_RUNNERS = 8;

function offered(runners: readonly RunnerAbout[]): string {
  if (runners.length === 0) return "no runner is there";
  const each = runners
    .slice(0, MOST_RUNNERS)
    .map(({ runner, pool, labels }) => `${runner} has ${required({ pool, labels })}`);
  const more = runners.length - each.length;
  return [...each, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}

async function runnersThere(bus: Pick<Bus, "bucket">): Promise<readonly RunnerAbout[]> {
  const entries = await bus.bucket(buckets.runners).entries();
  const alive = new Set(entries.map(({ key }) => key));
  return entries.flatMap(({ key, value }) => {
    const runner = /^(.+)\.about$/.exec(key)?.[1];
    return runner !== undefined && alive.has(runner) ? aboutIn(value) : [];
  });
}

/** One that is not understood, of a newer version perhaps, offers nothing. */
function aboutIn(announcement: Uint8Array): RunnerAbout[] {
  try {
    return [decode(RunnerAbout, announcement, "What a runner says of itself")];
  } catch (error) {
    if (isPitayaError(error)) return [];
    throw error;
  }
}
