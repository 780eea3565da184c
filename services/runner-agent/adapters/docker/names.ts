import { createHash } from "node:crypto";
import type { AttemptName } from "../../ports/executor.port.ts";

/** What a container, volume or network of ours is for. */
export type Role =
  | "attempt"
  | "harvest"
  | "volume"
  | "steward"
  | "check"
  | "probe"
  | "wrapper"
  | "pack"
  | "checkout"
  | "network"
  | "gateway";

export const LABEL = {
  managed: "pitaya.managed",
  runner: "pitaya.runner",
  role: "pitaya.role",
  run: "pitaya.run",
  instance: "pitaya.instance",
  attempt: "pitaya.attempt",
  /** A host endpoint this attempt may reach, `host:port`. */
  endpoint: "pitaya.endpoint",
} as const;

export type Labels = Record<string, string>;

/** A bridge of ours, and the chains that everything from it goes through. */
export interface GuardedBridge {
  readonly network: string;
  /** Interface name; such names have 15 characters at most. */
  readonly bridge: string;
  readonly forwardChain: string;
  readonly inputChain: string;
}

/** Names and labels of everything one runner makes on an engine. The bridge is that for `online`. */
export interface Naming extends GuardedBridge {
  readonly runnerId: string;
  /** Every name begins so. */
  readonly prefix: string;
  /** The way to the gateway: its relay's container, and the bridge that agents reach it by. */
  readonly gateway: GuardedBridge & { readonly container: string };
  labels(role: Role, attempt?: AttemptName): Labels;
  container(attempt: AttemptName): string;
  /** The second container, for a harvest that the first did not do. */
  harvest(attempt: AttemptName): string;
  /** The helper that lays what an attempt begins with over its workspace. */
  fillIn(attempt: AttemptName): string;
  volumes(attempt: AttemptName): AttemptVolumes;
  pack(sha256: string): string;
  checkout(key: string): string;
}

export interface AttemptVolumes {
  /** Overlay of checkout and `upper`; the workspace. */
  readonly work: string;
  /** What the overlay writes to, in `upper/` and `work/`. Mounted nowhere itself. */
  readonly upper: string;
  readonly home: string;
  /** The wrapper's: `in/` for it to read, `out/` for what it leaves. */
  readonly exchange: string;
}

export const shortHash = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

export function naming(runnerId: string): Naming {
  const prefix = `pitaya-${runnerId}`;
  const id = shortHash(runnerId, 8);
  const container = (a: AttemptName) => `${prefix}-${a.runId}-${a.instanceId}-${a.attempt}`;
  return {
    runnerId,
    prefix,
    network: prefix,
    bridge: `pit-${id}`,
    forwardChain: `PITAYA-FWD-${id}`,
    inputChain: `PITAYA-IN-${id}`,
    gateway: {
      container: `${prefix}-gateway`,
      network: `${prefix}-gateway`,
      bridge: `pit-${id}-g`,
      forwardChain: `PITAYA-FWD-G-${id}`,
      inputChain: `PITAYA-IN-G-${id}`,
    },
    labels: (role, attempt) => ({
      [LABEL.managed]: "true",
      [LABEL.runner]: runnerId,
      [LABEL.role]: role,
      ...(attempt && {
        [LABEL.run]: attempt.runId,
        [LABEL.instance]: attempt.instanceId,
        [LABEL.attempt]: String(attempt.attempt),
      }),
    }),
    container,
    harvest: (attempt) => `${container(attempt)}-harvest`,
    fillIn: (attempt) => `${container(attempt)}-fill-in`,
    volumes: (attempt) => {
      const name = container(attempt);
      return {
        work: `${name}-work`,
        upper: `${name}-upper`,
        home: `${name}-home`,
        exchange: `${name}-exchange`,
      };
    },
    pack: (sha256) => `${prefix}-pack-${sha256}`,
    checkout: (key) => `${prefix}-checkout-${key}`,
  };
}

/** The attempt that these labels name, if they do. */
export function attemptOf(labels: Labels | undefined): AttemptName | undefined {
  const runId = labels?.[LABEL.run];
  const instanceId = labels?.[LABEL.instance];
  const attempt = Number(labels?.[LABEL.attempt]);
  if (runId === undefined || instanceId === undefined || !Number.isInteger(attempt)) {
    return undefined;
  }
  return { runId, instanceId, attempt };
}
