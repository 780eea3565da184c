import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { moveInto } from "../boot/node.mjs";
import { makeWorkDir } from "../boot/work-dir.mjs";
import { composeSuites } from "../settings.mjs";
import { hasApt } from "./apt.ts";
import { unpackDebianPackage } from "./debian-package.ts";
import { findPrograms, isExecutable } from "./find-program.ts";
import type { Places } from "./places.ts";
import { runCommand } from "./run-command.ts";
import { SetUpError } from "./set-up-error.ts";
import type { Steps } from "./steps.ts";

/**
 * How to call Docker Compose 2 here: the docker command's plugin, or the same program on its own,
 * fetched from Debian's packages where there is none.
 */
export async function findOrFetchCompose(places: Places, steps: Steps): Promise<string[]> {
  const kept = join(places.cache, "tools", "docker-compose");
  const candidates = [
    ...findPrograms("docker").map((docker) => [docker, "compose"]),
    [kept],
    ...findPrograms("docker-compose").map((program) => [program]),
  ];
  for (const candidate of candidates) if (await isCompose2(candidate)) return candidate;
  for (const suite of hasApt() ? composeSuites : []) {
    await steps.step(`Docker Compose: fetching from Debian ${suite}`, () => fetch(suite, kept));
    if (await isCompose2([kept])) return [kept];
  }
  throw new SetUpError(
    "there is no Docker Compose 2 here",
    "install it as the docker command's plugin (package docker-compose-plugin, or Docker Desktop).",
  );

  async function fetch(suite: string, file: string): Promise<void> {
    const work = makeWorkDir(places.cache);
    try {
      const unpacked = await unpackDebianPackage(suite, "docker-compose", work);
      if (!unpacked) return;
      const fetched = join(work, "docker-compose");
      copyFileSync(join(unpacked, "usr/libexec/docker/cli-plugins/docker-compose"), fetched);
      mkdirSync(dirname(file), { recursive: true });
      moveInto(fetched, file);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

async function isCompose2([program = "", ...args]: readonly string[]): Promise<boolean> {
  if (!isExecutable(program)) return false;
  // A docker command without the plugin says so and exits with an error.
  const text = await runCommand(program, [...args, "version", "--short"]).catch(() => "");
  return Number.parseInt(text.trim().replace(/^v/, ""), 10) >= 2;
}
