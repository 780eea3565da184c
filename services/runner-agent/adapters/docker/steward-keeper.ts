import type { Steward } from "./steward.ts";

/** Has a steward at hand: the living one, or a new one where it ended (an engine's restart). */
export interface StewardKeeper {
  get(): Promise<Steward>;
  close(): Promise<void>;
}

export function keepSteward(start: () => Promise<Steward>): StewardKeeper {
  let current: Promise<Steward> | undefined;
  let isClosed = false;

  const startNew = (): Promise<Steward> => {
    const starting = start();
    current = starting;
    starting.catch(() => {
      if (current === starting) current = undefined;
    });
    return starting;
  };

  return {
    get: async () => {
      if (isClosed) throw new Error("the executor is closed");
      const before = current;
      if (before === undefined) return startNew();
      const steward = await before;
      if (steward.isAlive) return steward;
      // Of several who find it dead, the first starts the next.
      return current === before ? startNew() : (current ?? startNew());
    },
    close: async () => {
      isClosed = true;
      const steward = await current?.catch(() => undefined);
      await steward?.close();
    },
  };
}
