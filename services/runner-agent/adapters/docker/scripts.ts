import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PitayaError } from "@pitaya/protocol";

/** Scripts that run in agents' containers, from the wrapper's volume. */
const WRAPPER_FILES = ["run.sh", "ground.sh", "harvest.sh", "snapshot.sh", "follow.sh"] as const;

/** Scripts that run in helper containers, handed over as an argument of their shell, or of node. */
export type HelperScript =
  | "steward"
  | "store-pack"
  | "checkout"
  | "copy-checkout"
  | "fill-in"
  | "check-image"
  | "relay";

export interface Scripts {
  readonly wrapper: ReadonlyMap<string, string>;
  /** Names the wrapper's volume: other content, other volume. */
  readonly wrapperHash: string;
  readonly helper: Readonly<Record<HelperScript, string>>;
}

/**
 * The folder `docker/wrapper` nearest above this module: the repository's, or the copy that a bundle
 * of the programs brings along.
 */
export function findScriptsDir(from: string = import.meta.dirname): string {
  for (let dir = from; ; dir = dirname(dir)) {
    const candidate = join(dir, "docker", "wrapper");
    if (existsSync(join(candidate, "run.sh"))) return candidate;
    if (dirname(dir) === dir) {
      throw new PitayaError("internal", `The wrapper's scripts are not above ${from}.`);
    }
  }
}

export async function readScripts(dir: string): Promise<Scripts> {
  const wrapper = new Map<string, string>();
  const hash = createHash("sha256");
  for (const file of WRAPPER_FILES) {
    const text = await readFile(join(dir, file), "utf8");
    wrapper.set(file, text);
    hash.update(`${file} ${text.length}\n${text}`);
  }
  const helper = (name: HelperScript, ending = "sh") =>
    readFile(join(dir, "helper", `${name}.${ending}`), "utf8");
  return {
    wrapper,
    wrapperHash: hash.digest("hex").slice(0, 16),
    helper: {
      steward: await helper("steward"),
      "store-pack": await helper("store-pack"),
      checkout: await helper("checkout"),
      "copy-checkout": await helper("copy-checkout"),
      "fill-in": await helper("fill-in"),
      "check-image": await helper("check-image"),
      relay: await helper("relay", "cjs"),
    },
  };
}
