import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Places } from "../setup/places.ts";
import { runCommand } from "../setup/run-command.ts";
import type { Steps } from "../setup/steps.ts";
import { sourceMarks } from "./source-files.ts";

/** Whether the bundle was made from the sources as they are. */
export function bundleIsCurrent(places: Places): boolean {
  const index = join(places.dist, "bundle.json");
  if (!existsSync(index)) return false;
  const { sources } = JSON.parse(readFileSync(index, "utf8")) as { sources: unknown };
  return JSON.stringify(sources) === JSON.stringify(sourceMarks(places.root));
}

/** In a process of its own: the bundler is not there before the workspace is installed. */
export async function makeBundle(places: Places, steps: Steps): Promise<void> {
  if (bundleIsCurrent(places)) return;
  await steps.step("programs: bundling", () =>
    runCommand(process.execPath, [join(places.root, "scripts/bundle/main.ts")]),
  );
}
