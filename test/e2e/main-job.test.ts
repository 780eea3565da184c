import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ODD_KINDS,
  type OddKind,
  oddRepository,
  snapshotRepository,
  testGit,
} from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import { branchesOf, jsonLines, type Person, person } from "../support/pitaya.ts";
import { forbiddenChanges } from "../support/unchanged.ts";

const CONTAINER_HOST = "host.docker.internal";

let model: ModelServer;
let user: Person;
const dirs: string[] = [];

beforeAll(async () => {
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
  user = await person({ ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key" });
});
afterAll(async () => {
  await user.leave();
  await model.close();
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

const WORKS: readonly OddKind[] = ODD_KINDS.filter((kind) => kind !== "partial-missing");

describe("a run of three in a repository that is", () => {
  it.each(WORKS)("%s brings three branches and changes nothing else", async (kind) => {
    const dir = await mkdtemp(join(tmpdir(), "pitaya-odd-"));
    dirs.push(dir);
    const repository = await oddRepository(kind, dir);
    const before = await snapshotRepository(repository.path);
    const url = model.url("ok", `main-job-${kind}`, CONTAINER_HOST);

    const args = [
      "add a greeting",
      "--runs",
      "3",
      "--max-parallel",
      "2",
      "--json",
      "--base-url",
      url,
    ];
    const { code, stdout, stderr } = await user.run(args, { cwd: repository.path });

    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toMatchObject({ type: "run.summary" });
    const branches = await branchesOf(repository.path);
    expect(branches).toHaveLength(3);
    expect(await forbiddenChanges(repository.path, before)).toEqual([]);
    for (const branch of branches) {
      const raw = await testGit(repository.path, ["diff", "--raw", `${branch}^`, branch]);
      expect(raw.split("\n").filter((line) => !/^:000000 100644 /.test(line))).toEqual([]);
    }
    const run = /pitaya\/simple\/(run_[^/]+)\//.exec(branches[0] ?? "")?.[1] ?? "";
    expect(await leftOnEngine([run])).toEqual([]);
  });
});

describe("a base that is", () => {
  it("a tag or a commit is what the agent starts from", async () => {
    const dir = await mkdtemp(join(tmpdir(), "pitaya-base-"));
    dirs.push(dir);
    const repository = await oddRepository("plain", dir);
    const bases = repository.bases.filter((base) => base !== undefined);
    expect(bases.length).toBeGreaterThan(1);
    for (const [index, base] of bases.entries()) {
      const before = await snapshotRepository(repository.path);
      const url = model.url("ok", `main-job-base-${index}`, CONTAINER_HOST);
      const args = [
        "add a greeting",
        "--base-branch",
        base,
        "--output",
        "quiet",
        "--base-url",
        url,
      ];
      const { code, stdout, stderr } = await user.run(args, { cwd: repository.path });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const branch = stdout.trim();
      const start = await testGit(repository.path, ["rev-parse", `${base}^{commit}`]);
      expect(await testGit(repository.path, ["rev-parse", `${branch}^`])).toBe(start);
      expect(await forbiddenChanges(repository.path, before)).toEqual([]);
    }
  });
});
