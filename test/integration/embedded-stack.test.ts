import { existsSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { afterEach, expect, it } from "vitest";
import { connectStack, stackDown } from "../../cli/stack/index.ts";
import {
  eventually,
  isGone,
  type StandInStack,
  standInStack,
} from "../../cli/stack/stand-in/stand-in-stack.ts";

/** The real services, with whatever engine the environment names. */
const entry = join(import.meta.dirname, "../../cli/stack/main.ts");
const surroundings = {
  DOCKER_HOST: process.env["DOCKER_HOST"],
  PITAYA_AGENTS_IMAGE: process.env["PITAYA_AGENTS_IMAGE"],
};

let stack: StandInStack;
afterEach(() => stack.remove());

it("coordinator and runner are there when the stack is ready, and gone when it is down", async () => {
  stack = standInStack(surroundings);
  const docker = new Docker();
  const namesOf = async (runner: string) => {
    const containers = await docker.listContainers({ all: true });
    return containers.flatMap(({ Names }) => Names).filter((name) => name.includes(runner));
  };
  const connection = await connectStack(stack.options({ entry }));
  const supervisor = stack.supervisor();
  expect(await connection.status()).toMatchObject({ phase: "ready", liveRuns: 0 });
  const runner = /"runner":"(local-[0-9a-f]{8})"/.exec(stack.log())?.[1] ?? "none";
  expect(await namesOf(runner)).not.toEqual([]);

  const options = stack.options({ entry });
  expect(await stackDown({ ...options, whenIdle: false })).toMatchObject({ state: "stopped" });
  await isGone(supervisor);
  expect(await namesOf(runner)).toEqual([]);
  expect(stack.servers()).toEqual([]);

  // What the runner keeps for its next start goes with the state directory.
  const { Volumes } = await docker.listVolumes();
  const kept = (Volumes ?? []).filter(({ Name }) => Name.includes(runner));
  for (const { Name } of kept) await docker.getVolume(Name).remove();
});

it("an engine that does not answer is what the command is told, and nothing is left", async () => {
  const host = "unix:///nowhere/docker.sock";
  stack = standInStack({ ...surroundings, DOCKER_HOST: host });
  const connecting = connectStack(stack.options({ entry }));
  await expect(connecting).rejects.toMatchObject({
    code: "engine_unavailable",
    message: expect.stringContaining("/nowhere/docker.sock"),
  });
  await eventually(() => existsSync(stack.paths.record)).toBe(false);
  expect(stack.servers()).toEqual([]);
});
