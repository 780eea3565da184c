import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromSeed } from "@nats-io/nkeys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateUser, readCredential, writeCredential } from "./credential.ts";
import { serverConfig } from "./server-config.ts";
import { writeAuth, writeAuthorization } from "./write-auth.ts";

const server = {
  listen: "127.0.0.1:-1",
  storeDir: "/var/lib/pitaya/js",
  maxStoreBytes: 1_000,
  syncAlways: true,
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-auth-"));
});
afterAll(() => rm(dir, { recursive: true }));

describe("credentials", () => {
  it("are a key of a user, and come back from their file as they were", async () => {
    const made = generateUser("runner", "host-1");
    const key = fromSeed(new TextEncoder().encode(made.seed));
    expect(key.getPublicKey()).toBe(made.publicKey);
    const file = join(dir, "one", "runner.json");
    await writeCredential(file, made);
    expect(await readCredential(file)).toEqual(made);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("refuse ids that are none", () => {
    expect(() => generateUser("runner", "Host 1")).toThrow();
  });

  it("say what is wrong with their file", async () => {
    await expect(readCredential(join(dir, "none.json"))).rejects.toMatchObject({ code: "usage" });
    const file = join(dir, "broken.json");
    await writeFile(file, '{"role":"king"}');
    await expect(readCredential(file)).rejects.toMatchObject({ code: "malformed_message" });
  });
});

describe("written authorization", () => {
  const users = [
    { role: "admin", id: "admin" },
    { role: "coordinator", id: "c1" },
    { role: "runner", id: "r1" },
    { role: "cli", id: "u1" },
  ] as const;

  it("is private, and keeps the keys of users that stay", async () => {
    const place = join(dir, "two");
    const first = await writeAuth(place, { ...server, users });
    const more = [...users, { role: "runner", id: "r2" } as const];
    const second = await writeAuth(place, { ...server, users: more });
    expect(second.credentials.slice(0, users.length)).toEqual(first.credentials);
    for (const file of [second.configFile, ...second.credentials.map((each) => each.file)]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    const config = await readFile(second.configFile, "utf8");
    for (const { publicKey, seed } of second.credentials) {
      expect(config).toContain(publicKey);
      expect(config).not.toContain(seed);
    }
  });

  it("can be the accounts alone, for a configuration that includes them", async () => {
    const { configFile } = await writeAuthorization(join(dir, "three"), users);
    const config = await readFile(configFile, "utf8");
    expect(configFile.endsWith("authorization.conf")).toBe(true);
    expect(config).toMatch(/^system_account/);
    expect(config).not.toMatch(/listen|store_dir/);
  });
});

describe("a server's configuration", () => {
  const key = (letter: string) => `U${letter.repeat(55)}`;
  const config = serverConfig({
    ...server,
    serverName: "pitaya",
    portsFileDir: "/run/pitaya",
    monitor: "127.0.0.1:8222",
    tls: { certFile: "/tls/cert.pem", keyFile: "/tls/key.pem", caFile: "/tls/ca.pem" },
    users: [
      { role: "coordinator", id: "c1", publicKey: key("C") },
      { role: "runner", id: "r1", publicKey: key("R") },
      { role: "cli", id: "u1", publicKey: key("L") },
    ],
  });
  /** One account's part. */
  const account = (name: string) => {
    const from = config.indexOf(`"${name}" {`);
    return config.slice(from, config.indexOf("\n  }", from));
  };

  it("says what was asked for", () => {
    for (const line of [
      'listen: "127.0.0.1:-1"',
      'server_name: "pitaya"',
      'ports_file_dir: "/run/pitaya"',
      'http: "127.0.0.1:8222"',
      'store_dir: "/var/lib/pitaya/js"',
      "max_file_store: 1000",
      "sync_interval: always",
      'ca_file: "/tls/ca.pem"',
    ]) {
      expect(config).toContain(line);
    }
  });

  it("puts each guest into an account of its own, which imports what it may do and no more", () => {
    const runner = account("PITAYA-runner-r1");
    expect(runner).toContain(key("R"));
    expect(runner).not.toContain(key("L"));
    expect(runner).toContain(
      '{service: {account: "PITAYA", subject: "$JS.API.DIRECT.GET.PITAYA_BLOBS.pitaya.v1.blob.*.*.*"}, to: "pitaya.v1.js.DIRECT.GET.PITAYA_BLOBS.pitaya.v1.blob.*.*.*"}',
    );
    expect(runner).toContain('subject: "pitaya.v1.evt.*.fact.r1.*.*"');
    expect(runner).not.toContain("jetstream: enabled");
    expect(runner).not.toContain("{stream:");
    expect(account("PITAYA-cli-u1")).toContain(
      '{stream: {account: "PITAYA", subject: "pitaya.v1.sign.pitaya.v1.evt.>"}}',
    );
  });

  it("gives the streams to the account of the coordinators alone", () => {
    const owner = account("PITAYA");
    expect(owner).toContain("jetstream: enabled");
    expect(owner).toContain(key("C"));
    expect(owner).not.toContain(key("R"));
    expect(owner).toMatch(/allow_responses \{ max: 1/);
    expect(config.match(/jetstream: enabled/g)).toHaveLength(1);
    expect(config.match(/allow_responses/g)).toHaveLength(1);
  });

  it("exports to the guests, and to nobody else", () => {
    const owner = account("PITAYA");
    const exported = owner.split("\n").filter((line) => /^\s*\{(service|stream):/.test(line));
    expect(exported.length).toBeGreaterThan(10);
    for (const line of exported) {
      expect(line).toContain('accounts: ["PITAYA-runner-r1", "PITAYA-cli-u1"]');
    }
  });
});
