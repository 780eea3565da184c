import type { Engine } from "../engine/find-engine.ts";
import { natsServerImage } from "../settings.mjs";
import { runCommand } from "../setup/run-command.ts";
import { findDockerCli } from "./docker-cli.ts";
import { canPull, findImage } from "./image-store.ts";

/**
 * Copies nats-server out of its official image, which has it linked statically.
 *
 * @returns false where the engine cannot get the image, or runs on another kind of machine
 */
export async function natsServerFromImage(engine: Engine, file: string): Promise<boolean> {
  if (engine.arch !== process.arch) return false;
  const there = await findImage(engine, natsServerImage);
  if (!there && !(await canPull(engine, natsServerImage))) return false;
  const { program, env } = await findDockerCli(engine);
  const docker = async (...args: string[]) => (await runCommand(program, args, { env })).trim();
  const container = await docker("create", natsServerImage);
  try {
    await docker("cp", "--follow-link", `${container}:/usr/local/bin/nats-server`, file);
  } finally {
    await docker("rm", "--volumes", container);
  }
  return true;
}
