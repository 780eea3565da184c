import { PitayaError } from "@pitaya/protocol";
import { type Engine, onEngine } from "./engine.ts";
import type { Naming } from "./names.ts";
import type { Scripts } from "./scripts.ts";
import type { Steward } from "./steward.ts";

/** The volume that brings the wrapper into any image, read-only; named by its content. */
export interface WrapperVolume {
  readonly name: string;
  /** Where the engine keeps volumes, on its host. */
  readonly volumesRoot: string;
  fill(steward: Steward): Promise<void>;
}

export async function wrapperVolume(
  engine: Engine,
  naming: Naming,
  scripts: Scripts,
): Promise<WrapperVolume> {
  const name = `${naming.prefix}-wrapper-${scripts.wrapperHash}`;
  // The same volume if it is there.
  await onEngine("create the wrapper's volume", () =>
    engine.createVolume({ Name: name, Labels: naming.labels("wrapper") }),
  );
  const { Mountpoint } = await onEngine("look up the wrapper's volume", () =>
    engine.getVolume(name).inspect(),
  );
  const tail = `/${name}/_data`;
  if (!Mountpoint.endsWith(tail)) {
    throw new PitayaError(
      "engine_unavailable",
      `This engine keeps volumes in a way we do not know: ${Mountpoint}.`,
      { retryable: false },
    );
  }
  return {
    name,
    volumesRoot: Mountpoint.slice(0, -tail.length),
    fill: async (steward) => {
      if ((await steward.complete([name])).has(name)) return;
      for (const [file, text] of scripts.wrapper) await steward.put(name, file, text);
      await steward.seal(name);
    },
  };
}
