import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelServer, startModelServer } from "./model-server/model-server.ts";
import type { Scenario } from "./model-server/scenario.ts";
import { type Person, person, smallRepository } from "./pitaya.ts";

/** All that a person needs to run agents: the command, what it speaks to, and a model for the agents. */
export interface Stack {
  readonly user: Person;
  readonly model: ModelServer;
  /** A model that follows this scenario: where agents find it, and the id of their requests. */
  modelFor(scenario: string | Scenario): { readonly url: string; readonly id: string };
  /** A new directory, which is gone when the stack is. */
  directory(): Promise<string>;
  /** A new repository with one commit on main. */
  repository(): Promise<string>;
  /** Whether this path is there where the command runs, or where the runner works on the host's side. */
  exists(path: string): Promise<boolean>;
  /** Ends all of it and leaves nothing. */
  leave(): Promise<void>;
}

/** What a person has who was given a key. */
export const KEY = { ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key" } as const;

/** The stack the command starts by itself. */
export async function embeddedStack(): Promise<Stack> {
  const places = await openPlaces();
  const user = await person(KEY);
  return {
    ...places,
    user,
    exists: async (path) => existsSync(path),
    async leave() {
      await user.leave();
      await places.leave();
    },
  };
}

/** What every stack has: a model server and directories. */
export async function openPlaces(): Promise<Omit<Stack, "user" | "exists">> {
  const model = await startModelServer({ host: "0.0.0.0", port: 0 });
  const root = await mkdtemp(join(tmpdir(), "pitaya-places-"));
  const directory = () => mkdtemp(join(root, "place-"));
  let scenarios = 0;
  return {
    model,
    modelFor(scenario) {
      scenarios += 1;
      const id = `scenario-${scenarios}`;
      return { id, url: model.url(scenario, id, "host.docker.internal") };
    },
    directory,
    repository: async () => smallRepository(await directory()),
    async leave() {
      await model.close();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
