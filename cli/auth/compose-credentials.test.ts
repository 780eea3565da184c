import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCredential } from "@pitaya/bus";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeComposeCredentials } from "./compose-credentials.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "pitaya-compose-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it("gives each part its own credential and no other's, and the server no secret at all", async () => {
  await writeComposeCredentials(directory, "0a1b2c3d");
  const rooms = ["server", "coordinator", "runner", "cli"];
  const files = await Promise.all(rooms.map((room) => readdir(join(directory, room))));
  expect(files.map((names) => names.sort())).toEqual([
    ["authorization.conf"],
    ["admin.json", "coordinator.json"],
    ["runner.json"],
    ["cli.json"],
  ]);
  const authorization = await readFile(join(directory, "server/authorization.conf"), "utf8");
  for (const file of ["coordinator/coordinator.json", "runner/runner.json", "cli/cli.json"]) {
    const credential = await readCredential(join(directory, file));
    expect(file).toBe(`${credential.role}/${credential.role}.json`);
    expect(authorization).toContain(credential.publicKey);
    expect(authorization).not.toContain(credential.seed);
    expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
  }
});

it("leaves the keys as they are when it is called again", async () => {
  await writeComposeCredentials(directory, "0a1b2c3d");
  const before = await readCredential(join(directory, "cli/cli.json"));
  await rm(join(directory, "cli/cli.json"));
  await writeComposeCredentials(directory, "ffffffff");
  expect(await readCredential(join(directory, "cli/cli.json"))).toEqual(before);
  expect((await readCredential(join(directory, "runner/runner.json"))).id).toBe("compose-0a1b2c3d");
});
