import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Places } from "../setup/places.ts";
import { runCommand } from "../setup/run-command.ts";
import type { Steps } from "../setup/steps.ts";
import { type SourceMark, sourceMarks } from "./source-files.ts";

/** As scripts/bundle/main.ts writes it; the launcher reads it too. */
export interface BundleIndex {
  /** Names the content it was made from. */
  readonly build: string;
  /** Program → its module below dist/. */
  readonly programs: Readonly<Record<string, string>>;
  readonly sources: readonly SourceMark[];
}

export function readBundleIndex(dist: string): BundleIndex | undefined {
  const index = join(dist, "bundle.json");
  if (!existsSync(index)) return undefined;
  return JSON.parse(readFileSync(index, "utf8")) as BundleIndex;
}

/** Whether the bundle was made from the sources as they are. */
export function bundleIsCurrent(places: Places): boolean {
  const index = readBundleIndex(places.dist);
  return JSON.stringify(index?.sources) === JSON.stringify(sourceMarks(places.root));
}

/** In a process of its own: the bundler is not there before the workspace is installed. */
export async function makeBundle(places: Places, steps: Steps): Promise<void> {
  if (bundleIsCurrent(places)) return;
  await steps.step("programs: bundling", () =>
    runCommand(process.execPath, [join(places.root, "scripts/bundle/main.ts")]),
  );
}
