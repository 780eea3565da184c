import { spawn } from "node:child_process";
import { askEngine } from "../engine/engine-api.ts";
import type { Engine } from "../engine/find-engine.ts";
import { ownBase, ownBasePackages, ownBaseSuite, registryBase } from "../settings.mjs";
import { aptAcquireOptions, aptInstall, aptMirror, mayInstall } from "../setup/apt.ts";
import { findPrograms } from "../setup/find-program.ts";
import { SetUpError } from "../setup/set-up-error.ts";
import type { Steps } from "../setup/steps.ts";
import { canPull, findImage } from "./image-store.ts";

const importTimeoutMs = 600_000;

/**
 * What the other images build on: the ordinary image where a registry answers, else a Debian made
 * here from Debian's own packages. Its name is our own, so that nobody takes it for the real one.
 */
export async function findOrMakeBase(engine: Engine, steps: Steps): Promise<string> {
  if (await findImage(engine, ownBase)) return ownBase;
  if ((await findImage(engine, registryBase)) || (await canPull(engine, registryBase))) {
    return registryBase;
  }
  const mirror = mayInstall() ? await aptMirror(ownBaseSuite) : undefined;
  if (!mirror) {
    throw new SetUpError(
      `the engine at ${engine.host} has no image ${registryBase} and cannot pull it`,
      `let the engine reach its registry and run the command again, or load the image: docker load.`,
    );
  }
  if (findPrograms("mmdebstrap").length === 0) {
    await steps.step("base image: apt-get install mmdebstrap", () => aptInstall(["mmdebstrap"]));
  }
  await steps.step(
    "base image: no registry answers, making Debian from its packages (about 20 s)",
    () => makeBase(engine, mirror),
  );
  return ownBase;
}

/** Streams the file tree into the engine under a name of its own, and renames it when it is whole. */
async function makeBase(engine: Engine, mirror: string): Promise<void> {
  const [repository, tag] = ownBase.split(":");
  const unfinished = `${repository}:unfinished-${process.pid}`;
  const options = (await aptAcquireOptions()).map((option) => `--aptopt=${option}`);
  const child = spawn(
    "mmdebstrap",
    [
      ...["--quiet", "--variant=minbase", `--include=${ownBasePackages.join(",")}`],
      ...options,
      // Those are this machine's ways to its mirror and not the image's.
      '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
      ...["--dpkgopt=force-unsafe-io", "--format=tar", ownBaseSuite, "-", mirror],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed = (printed + text).slice(-4000);
  });
  const ended = new Promise<number | null>((settle, reject) => {
    child.on("error", reject);
    child.on("close", settle);
  });
  const [code, imported] = await Promise.all([
    ended,
    askEngine(engine.host, {
      method: "POST",
      path: `/images/create?fromSrc=-&repo=${repository}&tag=unfinished-${process.pid}`,
      timeoutMs: importTimeoutMs,
      tar: child.stdout,
    }),
  ]);
  try {
    if (code !== 0) throw new Error(`mmdebstrap ended with ${code}:\n${printed.trim()}`);
    if (imported.status !== 200 || imported.body.includes('"errorDetail"')) {
      throw new Error(`the engine did not take the base image: ${imported.body.slice(-500)}`);
    }
    await expectOk(engine, "POST", `/images/${unfinished}/tag?repo=${repository}&tag=${tag}`);
  } finally {
    if (await findImage(engine, unfinished)) {
      await expectOk(engine, "DELETE", `/images/${unfinished}`);
    }
  }
}

async function expectOk(engine: Engine, method: "POST" | "DELETE", path: string): Promise<void> {
  const { status, body } = await askEngine(engine.host, { method, path, timeoutMs: 60_000 });
  if (status >= 300) throw new Error(`the engine answers ${status} to ${method} ${path}: ${body}`);
}
