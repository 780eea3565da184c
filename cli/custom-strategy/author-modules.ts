import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Where the bundler finds what a strategy may import though its repository does not have it. */
export interface AuthorModules {
  /** File that stands for `@pitaya/strategies`: what code inside an isolate may have of it. */
  readonly sdk: string;
  /** Directory that `zod` is resolved from, or the file that stands for it. */
  readonly zod: { readonly from: string } | { readonly file: string };
}

/** Beside the programs of the bundle this is part of; run from sources, the sources. */
export function authorModules(): AuthorModules {
  const here = import.meta.dirname;
  const bundle = basename(here) === "chunks" ? dirname(here) : here;
  const bundled = join(bundle, "author", "strategies.mjs");
  if (existsSync(bundled)) {
    return { sdk: bundled, zod: { file: join(bundle, "author", "zod.mjs") } };
  }
  const sdk = join(here, "../../packages/strategies/sdk.ts");
  return { sdk, zod: { from: dirname(sdk) } };
}
