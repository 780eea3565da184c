import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { moveInto, platform } from "../boot/node.mjs";
import { unpackFromNpm } from "../boot/npm.mjs";
import { makeWorkDir } from "../boot/work-dir.mjs";
import { pnpmVersion } from "../settings.mjs";
import { findPrograms } from "./find-program.ts";
import { inputHash } from "./input-hash.ts";
import type { Places } from "./places.ts";
import { runCommand } from "./run-command.ts";
import type { Steps } from "./steps.ts";

/** Whether node_modules are those of the lock file and the manifests as they are now. */
export function isWorkspaceInstalled(places: Places): boolean {
  const mark = markFile(places);
  return existsSync(mark) && readFileSync(mark, "utf8") === wantedMark(places);
}

export async function installWorkspace(places: Places, steps: Steps): Promise<void> {
  if (isWorkspaceInstalled(places)) return;
  const pnpm = await findOrFetchPnpm(places, steps);
  await steps.step("workspace: pnpm install", () =>
    runCommand(pnpm, ["install", "--frozen-lockfile", "--reporter=append-only"], {
      cwd: places.root,
      env: { ...process.env, CI: "1" },
    }),
  );
  linkNode(places);
  mkdirSync(places.state, { recursive: true });
  writeFileSync(markFile(places), wantedMark(places));
}

function markFile(places: Places): string {
  return join(places.state, "installed");
}

function wantedMark(places: Places): string {
  const manifests = ["packages", "services"]
    .flatMap((parent) => readdirSync(join(places.root, parent)).map((name) => `${parent}/${name}`))
    .concat("cli", "test", ".")
    .map((dir) => `${dir}/package.json`)
    .filter((file) => existsSync(join(places.root, file)));
  const files = [...manifests, "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  return inputHash(places.root, files, [pnpmVersion, process.execPath, places.root]);
}

/**
 * The shims in node_modules/.bin prefer a `node` beside them: with this one `pitaya` starts without
 * a detour through an older Node. pnpm deletes it at each install.
 */
function linkNode(places: Places): void {
  const link = join(places.root, "node_modules", ".bin", "node");
  rmSync(link, { force: true });
  symlinkSync(process.execPath, link);
}

async function findOrFetchPnpm(places: Places, steps: Steps): Promise<string> {
  for (const found of findPrograms("pnpm")) {
    if (majorOf(await versionOf(found)) === majorOf(pnpmVersion)) return found;
  }
  const home = join(places.cache, "tools", `pnpm-${pnpmVersion}-${platform()}`);
  const pnpm = join(home, "pnpm");
  if (existsSync(pnpm)) return pnpm;
  await steps.step(`pnpm ${pnpmVersion}: fetching from npm`, async () => {
    const work = makeWorkDir(places.cache);
    try {
      // The native program itself; the package `pnpm` holds a script that looks for it.
      const tarball = await unpackFromNpm(`@pnpm/exe.${platform()}@${pnpmVersion}`, work);
      rmSync(tarball);
      moveInto(work, home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return pnpm;
}

async function versionOf(program: string): Promise<string> {
  // A pnpm that does not even start is none.
  return runCommand(program, ["--version"]).catch(() => "none");
}

function majorOf(version: string): string | undefined {
  return version.split(".")[0];
}
