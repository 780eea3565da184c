import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Scripts that run in agents' containers, from the wrapper's volume. */
const WRAPPER_FILES = ["run.sh", "harvest.sh", "follow.sh"] as const;

/** Scripts that run in helper containers, handed over as an argument of their shell. */
export type HelperScript = "steward" | "store-pack" | "checkout" | "copy-checkout" | "check-image";

export interface Scripts {
  readonly wrapper: ReadonlyMap<string, string>;
  /** Names the wrapper's volume: other content, other volume. */
  readonly wrapperHash: string;
  readonly helper: Readonly<Record<HelperScript, string>>;
}

/** Where this repository keeps them. */
export const DEFAULT_SCRIPTS_DIR = fileURLToPath(
  new URL("../../../../docker/wrapper", import.meta.url),
);

export async function readScripts(dir: string): Promise<Scripts> {
  const wrapper = new Map<string, string>();
  const hash = createHash("sha256");
  for (const file of WRAPPER_FILES) {
    const text = await readFile(join(dir, file), "utf8");
    wrapper.set(file, text);
    hash.update(`${file} ${text.length}\n${text}`);
  }
  const helper = (name: HelperScript) => readFile(join(dir, "helper", `${name}.sh`), "utf8");
  return {
    wrapper,
    wrapperHash: hash.digest("hex").slice(0, 16),
    helper: {
      steward: await helper("steward"),
      "store-pack": await helper("store-pack"),
      checkout: await helper("checkout"),
      "copy-checkout": await helper("copy-checkout"),
      "check-image": await helper("check-image"),
    },
  };
}
