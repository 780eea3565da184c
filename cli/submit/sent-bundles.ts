import { join } from "node:path";
import { BundleRef, PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import { readIfThere, writeAtomically } from "../files/atomic-write.ts";

/** A tip that was sent, with the bundles that together hold it, nearest first. */
const SentChain = z.object({ bundles: z.array(BundleRef).min(1) });
export type SentChain = z.infer<typeof SentChain>;

/** By store, newest first. */
const Memory = z.object({ v: z.literal(1), stores: z.record(z.string(), z.array(SentChain)) });
type Memory = z.infer<typeof Memory>;

/** Tips worth remembering of one store. */
const MOST_TIPS = 64;

/**
 * What this repository has sent where, so that the next run sends only the difference. It is a hint:
 * whoever uses it asks the store, and losing the file costs one whole upload.
 */
export interface SentBundles {
  readonly chains: readonly SentChain[];
  remember(chain: SentChain): Promise<void>;
  forget(): Promise<void>;
}

export async function sentBundles(
  directory: string,
  store: string,
  nonce: string,
): Promise<SentBundles> {
  const path = join(directory, "sent-bundles.json");
  const unusable = (error: NodeJS.ErrnoException): never => {
    if (error.code !== "EISDIR") throw error;
    throw new PitayaError("repository_unsupported", `${path} is a directory`, {
      cause: error,
      hint: "Pitaya keeps a file of its own there: move what is there away.",
    });
  };
  const read = async (): Promise<Memory> => {
    const text = await readIfThere(path).catch(unusable);
    return text === undefined ? EMPTY : understand(text.toString());
  };
  const replace = async (change: (chains: readonly SentChain[]) => SentChain[]) => {
    const memory = await read();
    const stores = { ...memory.stores, [store]: change(memory.stores[store] ?? []) };
    await writeAtomically(path, `${JSON.stringify({ v: 1, stores })}\n`, nonce);
  };
  const { stores } = await read();
  return {
    chains: stores[store] ?? [],
    remember: (chain) =>
      replace((chains) => {
        const others = chains.filter(({ bundles }) => bundles[0]?.tip !== chain.bundles[0]?.tip);
        return [chain, ...others].slice(0, MOST_TIPS);
      }),
    forget: () => replace(() => []),
  };
}

const EMPTY: Memory = { v: 1, stores: {} };

/** A file that is not understood is as good as none. */
function understand(text: string): Memory {
  try {
    return Memory.safeParse(JSON.parse(text)).data ?? EMPTY;
  } catch (error) {
    if (error instanceof SyntaxError) return EMPTY;
    throw error;
  }
}
