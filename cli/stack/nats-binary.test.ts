import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findNatsServer } from "./nats-binary.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-binary-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A program that answers as nats-server does. */
function server(place: string, version: string): string {
  const path = join(dir, place, "nats-server");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  HOME: dir,
  PATH: `${join(dir, "a")}:${join(dir, "b")}`,
  ...more,
});

it("takes the named one, before all others", async () => {
  server("a", "2.15.1");
  const named = server("named", "2.12.0");
  expect(await findNatsServer(env({ PITAYA_NATS_SERVER: named }))).toEqual({
    path: named,
    version: "2.12.0",
  });
});

it("takes the one that set-up kept, before PATH", async () => {
  server("a", "2.15.1");
  const kept = server(".cache/pitaya/tools", "2.14.0");
  expect((await findNatsServer(env())).path).toBe(kept);
  const moved = server("cache/tools", "2.13.0");
  expect((await findNatsServer(env({ PITAYA_CACHE_DIR: join(dir, "cache") }))).path).toBe(moved);
});

it("passes over one on PATH that is too old", async () => {
  server("a", "2.9.10");
  const good = server("b", "2.12.3");
  expect((await findNatsServer(env())).path).toBe(good);
});

it.each(["2.9.10", "2.10.27", "2.11.99", "1.99.0"])(
  "refuses %s when there is no other",
  async (version) => {
    const path = server("a", version);
    await expect(findNatsServer(env())).rejects.toMatchObject({
      code: "server_too_old",
      message: expect.stringContaining(`${path} is nats-server ${version}`),
      hint: expect.stringContaining("install nats-server 2.12.0"),
    });
  },
);

it.each(["2.12.0", "2.15.1", "3.0.0", "2.14.0-RC.1"])("accepts %s", async (version) => {
  server("a", version);
  expect((await findNatsServer(env())).version).toBe(version);
});

it("says that there is none, and where to get one", async () => {
  await expect(findNatsServer(env())).rejects.toMatchObject({
    code: "server_missing",
    hint: expect.stringContaining("PITAYA_NATS_SERVER"),
  });
});

it("does not look elsewhere when the named one is none", async () => {
  server("a", "2.15.1");
  for (const named of [join(dir, "nothing"), "/bin/true", dir]) {
    await expect(findNatsServer(env({ PITAYA_NATS_SERVER: named }))).rejects.toMatchObject({
      code: "server_missing",
      message: expect.stringContaining(named),
    });
  }
});
