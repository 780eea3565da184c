import { readFileSync } from "node:fs";
import { join } from "node:path";
import { memoryBroker } from "@pitaya/bus/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memoryConnection } from "./testing/memory-connection.ts";
import { standInCoordinator } from "./testing/stand-in-coordinator.ts";
import { runPitaya, startPitaya } from "./testing/test-host.ts";
import { agentWork, type UserRepository, userRepository } from "./testing/user-repository.ts";

let repository: UserRepository;
beforeEach(() => {
  repository = userRepository();
});
afterEach(() => repository.remove());

test("a prompt becomes a branch in the repository, a summary on stdout and files in .pitaya", async () => {
  const broker = memoryBroker();
  const coordinator = await standInCoordinator(broker);
  const host = startPitaya({
    argv: ["write a file"],
    cwd: repository.path,
    connection: async () => memoryConnection(broker),
  });
  const run = await coordinator.submitted();
  await run.starts("main");
  const work = await agentWork(repository, coordinator.bus, "hello.txt", "hello\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");

  expect(await host.ended).toBe(0);
  const branch = `pitaya/simple/${run.spec.run}/k${run.instance("main").slice(0, 8)}`;
  expect(repository.git("rev-parse", branch)).toBe(work.work?.commit);
  expect(host.stdout.text).toContain(`branch: ${branch}`);
  expect(repository.git("status", "--porcelain")).toBe("");
  const results = join(repository.path, ".pitaya/results", run.spec.run);
  expect(readFileSync(join(results, "branches.txt"), "utf8")).toBe(`${branch}\n`);
  console.log(host.stdout.text, host.stderr.text);
});
void runPitaya;
