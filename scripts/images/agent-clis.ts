import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { agentPackage, arrange } from "../../docker/agents/packages.mjs";
import { moveInto } from "../boot/node.mjs";
import { unpackFromNpm } from "../boot/npm.mjs";
import { makeWorkDir } from "../boot/work-dir.mjs";
import type { Places } from "../setup/places.ts";
import type { Steps } from "../setup/steps.ts";

/** Name as in docker/agents/versions.json → directory with what belongs below /usr/local. */
export type AgentClis = Readonly<Record<string, string>>;

/** The agent CLIs for containers of that architecture, each version fetched from npm once. */
export async function findOrFetchAgentClis(
  places: Places,
  arch: string,
  steps: Steps,
): Promise<AgentClis> {
  const file = join(places.root, "docker/agents/versions.json");
  const versions = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  const found = Object.entries(versions).map(async ([name, version]) => {
    const home = join(places.cache, "agents", `${name}-${version}-linux-${arch}`);
    if (!existsSync(home)) {
      await steps.step(`${name} ${version}: fetching from npm`, () =>
        fetchInto(home, agentPackage(name, version, arch), places.cache),
      );
    }
    return [name, home] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

async function fetchInto(
  home: string,
  wanted: ReturnType<typeof agentPackage>,
  cache: string,
): Promise<void> {
  const work = makeWorkDir(cache);
  const [unpacked, arranged] = [join(work, "unpacked"), join(work, "arranged")];
  try {
    mkdirSync(unpacked);
    await unpackFromNpm(wanted.spec, unpacked, Object.keys(wanted.files));
    arrange(wanted, unpacked, arranged);
    moveInto(arranged, home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
