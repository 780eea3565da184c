import { PitayaError } from "@pitaya/protocol";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import type { HelperJob, Helpers } from "./helper-container.ts";
import type { Naming, Role } from "./names.ts";
import type { Steward } from "./steward.ts";

/**
 * Volumes that are filled once and then only read: packs and checkouts. One counts when the helper
 * that filled it has left its mark as its last step; what a crash left half-filled is made anew.
 */
export interface StoredVolumes {
  /** Learns what is there. */
  open(): Promise<void>;
  has(volume: string): Promise<boolean>;
  /** Fills it unless it is there. Calls for the same volume share one filling. */
  fill(volume: string, role: Role, job: FillJob): Promise<void>;
  /** Is it whole, or being filled by this process? Anything else may be removed. */
  isWanted(volume: string): boolean;
}

export type FillJob = Pick<HelperJob, "script" | "args" | "input"> & {
  /** Where the volume is mounted. */
  readonly at: string;
  readonly mounts: NonNullable<HelperJob["mounts"]>;
  readonly what: string;
};

export function storedVolumes(
  engine: Engine,
  naming: Naming,
  options: {
    readonly steward: () => Promise<Steward>;
    readonly helpers: Helpers;
    readonly image: string;
    readonly user: string;
  },
): StoredVolumes {
  const complete = new Set<string>();
  const filling = new Map<string, Promise<void>>();

  const has = async (volume: string) => {
    if (!complete.has(volume)) return false;
    // Someone may have pruned the engine's volumes; a mount would make it anew, empty.
    const found = await unlessGone("look up a volume", () => engine.getVolume(volume).inspect());
    if (found === undefined) complete.delete(volume);
    return found !== undefined;
  };

  const fillNow = async (volume: string, role: Role, job: FillJob) => {
    if (await has(volume)) return;
    const container = `${volume}-fill`;
    await unlessGone("remove a left-over helper", () =>
      engine.getContainer(container).remove({ force: true, v: true }),
    );
    await unlessGone("remove a half-filled volume", () => engine.getVolume(volume).remove());
    await onEngine("create a volume", () =>
      engine.createVolume({ Name: volume, Labels: naming.labels(role) }),
    );
    await (await options.steward()).own(volume);
    const { mounts, at, what, ...work } = job;
    const result = await options.helpers.run({
      ...work,
      name: container,
      labels: naming.labels(role),
      image: options.image,
      user: options.user,
      env: [
        "HOME=/nonexistent",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "LC_ALL=C",
      ],
      mounts: [{ Type: "volume", Source: volume, Target: at }, ...mounts],
    });
    if (result.exitCode !== 0) {
      await unlessGone("remove a half-filled volume", () => engine.getVolume(volume).remove());
      const why = result.stderr.trim().slice(-1_000);
      if (/no space left on device/i.test(why)) {
        throw new PitayaError("disk_full", `The engine's disk is full: ${what} failed: ${why}`);
      }
      throw new PitayaError("git_failed", `${what} failed with code ${result.exitCode}: ${why}`);
    }
    complete.add(volume);
  };

  return {
    open: async () => {
      const steward = await options.steward();
      const found = await steward.complete([naming.pack(""), naming.checkout("")]);
      for (const volume of found) complete.add(volume);
    },
    has,
    fill: (volume, role, job) => {
      const running = filling.get(volume);
      if (running !== undefined) return running;
      const started = fillNow(volume, role, job).finally(() => filling.delete(volume));
      filling.set(volume, started);
      return started;
    },
    isWanted: (volume) => complete.has(volume) || filling.has(volume),
  };
}
