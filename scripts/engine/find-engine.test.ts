import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findEngine } from "./find-engine.ts";

let dir: string;
const servers: Server[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-engine-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Answers as an engine does, on a socket of this name. */
async function engineAt(name: string, answer = { Version: "27.0.1", Arch: "amd64" }) {
  const socket = join(dir, name);
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/version" ? 200 : 404;
    response.end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((settle) => server.listen(socket, settle));
  return `unix://${socket}`;
}

describe("findEngine", () => {
  it("takes the engine that DOCKER_HOST names", async () => {
    const host = await engineAt("named.sock");
    const { engine } = await findEngine("/nowhere", { DOCKER_HOST: host });
    expect(engine).toEqual({ host, version: "27.0.1", arch: "x64" });
  });

  it("takes no other when that one does not answer, and says why", async () => {
    await engineAt("own.sock");
    const env = { DOCKER_HOST: `unix://${join(dir, "gone.sock")}` };
    const { engine, tried } = await findEngine(join(dir, "own.sock"), env);
    expect(engine).toBeUndefined();
    expect(tried).toEqual([expect.stringMatching(/gone\.sock: .*ENOENT/)]);
  });

  it("takes the docker command's current context before any usual socket", async () => {
    const host = await engineAt("context.sock");
    const id = createHash("sha256").update("colima").digest("hex");
    const meta = join(dir, "contexts/meta", id);
    mkdirSync(meta, { recursive: true });
    writeFileSync(join(dir, "config.json"), JSON.stringify({ currentContext: "colima" }));
    const context = { Endpoints: { docker: { Host: host } } };
    writeFileSync(join(meta, "meta.json"), JSON.stringify(context));
    const { engine } = await findEngine("/nowhere", { DOCKER_CONFIG: dir });
    expect(engine?.host).toBe(host);
  });

  it("refuses an address it cannot speak to with the address in the message", async () => {
    const { tried } = await findEngine("/nowhere", { DOCKER_HOST: "ssh://somewhere" });
    expect(tried.join()).toContain("ssh://somewhere");
  });
});
