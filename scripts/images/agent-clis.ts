import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { moveInto } from "../boot/node.mjs";
import { unpackFromNpm } from "../boot/npm.mjs";
import { makeWorkDir } from "../boot/work-dir.mjs";
import type { Places } from "../setup/places.ts";
import type { Steps } from "../setup/steps.ts";

/** The native program of Claude Code for containers of that architecture, fetched from npm once. */
export async function findOrFetchClaude(
  places: Places,
  arch: string,
  steps: Steps,
): Promise<string> {
  const file = join(places.root, "docker/agents/versions.json");
  const version = (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)["claude-code"];
  const home = join(places.cache, "agents", `claude-code-${version}-${arch}`);
  const program = join(home, "claude");
  if (existsSync(program)) return program;
  await steps.step(`Claude Code ${version}: fetching from npm (175 MB)`, async () => {
    const work = makeWorkDir(places.cache);
    try {
      const spec = `@anthropic-ai/claude-code-linux-${arch}@${version}`;
      rmSync(await unpackFromNpm(spec, work, ["claude"]));
      moveInto(work, home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return program;
}
