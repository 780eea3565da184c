import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeWorkDir } from "../boot/work-dir.mjs";
import type { Engine } from "../engine/find-engine.ts";
import { runCommand } from "../setup/run-command.ts";
import { findDockerCli } from "./docker-cli.ts";
import { inputsLabel } from "./image-store.ts";

export interface ImageBuild {
  readonly tag: string;
  readonly dockerfile: string;
  readonly target: string;
  readonly args: Readonly<Record<string, string>>;
  /** The whole build context: path in it → file or directory on this machine; or one directory. */
  readonly context: Readonly<Record<string, string>> | string;
  readonly inputs: string;
}

/** Builds an image and labels it with what it was built from. */
export async function buildImage(engine: Engine, cache: string, build: ImageBuild): Promise<void> {
  const { program, env } = await findDockerCli(engine);
  const dir = makeWorkDir(cache);
  try {
    const { context } = build;
    if (typeof context !== "string") {
      for (const [name, from] of Object.entries(context))
        place(realpathSync(from), join(dir, name));
    }
    const args = Object.entries(build.args).flatMap((pair) => ["--build-arg", pair.join("=")]);
    await runCommand(
      program,
      [
        ["build", "--tag", build.tag, "--target", build.target, "--file", build.dockerfile],
        ["--label", `${inputsLabel}=${build.inputs}`],
        args,
        typeof context === "string" ? context : dir,
      ].flat(),
      { env },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** By hard links where one file system holds both: some files have hundreds of megabytes. */
function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const stat = lstatSync(from);
  if (stat.isDirectory()) {
    mkdirSync(to);
    for (const name of readdirSync(from)) place(join(from, name), join(to, name));
  } else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else placeFile(from, to);
}

function placeFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EXDEV" && code !== "EPERM") throw error;
    copyFileSync(from, to);
  }
}
