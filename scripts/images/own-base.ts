import { createReadStream, rmSync } from "node:fs";
import { join } from "node:path";
import { makeWorkDir } from "../boot/work-dir.mjs";
import { askEngine } from "../engine/engine-api.ts";
import type { Engine } from "../engine/find-engine.ts";
import { ownBase, ownBasePackages, ownBaseSuite } from "../settings.mjs";
import { aptAcquireOptions, aptInstall, aptMirror } from "../setup/apt.ts";
import { findPrograms } from "../setup/find-program.ts";
import { runCommand } from "../setup/run-command.ts";
import type { Steps } from "../setup/steps.ts";
import { findImage } from "./image-store.ts";

/** A Debian that is being made from its packages: a file tree, and then an image. */
export interface BaseInTheMaking {
  /** Settles, well or not, when it needs apt no more: the rest is slow, and others may have apt. */
  readonly aptDone: Promise<void>;
  /** Once the tree is whole. */
  importInto(engine: Engine): Promise<void>;
  /** When it is not needed after all. */
  drop(): void;
}

/**
 * Begins making the base from Debian's own packages. Needs no engine, so that it can go on while
 * one is still being installed.
 */
export function beginOwnBase(cache: string, steps: Steps): BaseInTheMaking {
  const dir = makeWorkDir(cache);
  const file = join(dir, "base.tar");
  const cancel = new AbortController();
  const tool = installTool(steps);
  const made = tool.then(() => makeTree(file, cancel.signal, steps));
  const cleanUp = () => rmSync(dir, { recursive: true, force: true });
  // Told to whoever imports it; nobody does once it is dropped.
  made.catch(cleanUp);
  return {
    aptDone: tool.catch(() => undefined),
    async importInto(engine) {
      await made;
      await steps.step(`image ${ownBase}: importing`, () => importTree(engine, file));
      cleanUp();
    },
    drop() {
      cancel.abort();
      void made.then(cleanUp, cleanUp);
    },
  };
}

async function installTool(steps: Steps): Promise<void> {
  if (findPrograms("mmdebstrap").length > 0) return;
  await steps.step("base image: apt-get install mmdebstrap", () => aptInstall(["mmdebstrap"]));
}

async function makeTree(file: string, signal: AbortSignal, steps: Steps): Promise<void> {
  const mirror = await aptMirror(ownBaseSuite);
  if (!mirror) throw new Error("apt-get knows no mirror of Debian");
  const options = (await aptAcquireOptions()).map((option) => `--aptopt=${option}`);
  const args = [
    ...["--quiet", "--variant=minbase", `--include=${ownBasePackages.join(",")}`],
    ...options,
    // Those are this machine's ways to its mirror and not the image's.
    '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    ...["--dpkgopt=force-unsafe-io", "--format=tar", ownBaseSuite, file, mirror],
  ];
  signal.throwIfAborted();
  await steps.step("base image: making Debian from its packages", () =>
    runCommand("mmdebstrap", args, { signal }),
  );
}

/** Under a name of its own until it is whole. */
async function importTree(engine: Engine, file: string): Promise<void> {
  const [repository, tag] = ownBase.split(":");
  const unfinished = `unfinished-${process.pid}`;
  const imported = await askEngine(engine.host, {
    method: "POST",
    path: `/images/create?fromSrc=-&repo=${repository}&tag=${unfinished}`,
    timeoutMs: 300_000,
    tar: createReadStream(file),
  });
  try {
    if (imported.status !== 200 || imported.body.includes('"errorDetail"')) {
      throw new Error(`the engine did not take the base image: ${imported.body.slice(-500)}`);
    }
    const image = `/images/${repository}:${unfinished}`;
    await expectOk(engine, "POST", `${image}/tag?repo=${repository}&tag=${tag}`);
  } finally {
    if (await findImage(engine, `${repository}:${unfinished}`)) {
      await expectOk(engine, "DELETE", `/images/${repository}:${unfinished}`);
    }
  }
}

async function expectOk(engine: Engine, method: "POST" | "DELETE", path: string): Promise<void> {
  const { status, body } = await askEngine(engine.host, { method, path, timeoutMs: 60_000 });
  if (status >= 300) throw new Error(`the engine answers ${status} to ${method} ${path}: ${body}`);
}
