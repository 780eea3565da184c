import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { natsBus, provision } from "@pitaya/bus";
import { all, aProcess } from "@pitaya/bus/contract";
import { BLOB_PART_BYTES } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startNatsProcess, type TestNatsProcess } from "../../support/nats.ts";

const MIB = 1024 ** 2;

let nats: TestNatsProcess;
beforeAll(async () => {
  nats = await startNatsProcess();
  await provision({ servers: nats.url, name: "admin", maxStoreBytes: 1024 * MIB });
});
afterAll(() => nats.stop());

const connect = async () => {
  const bus = await natsBus({ servers: nats.url, name: aProcess("process") });
  onTestFinished(() => bus.close());
  return bus;
};

const once = (content: Uint8Array) =>
  async function* () {
    yield content;
  };

/** Flips one bit of stored content on the server's disk. */
async function corrupt(content: Uint8Array): Promise<void> {
  const dir = join(nats.storeDir, "jetstream", "$G", "streams", "PITAYA_BLOBS", "msgs");
  for (const name of await readdir(dir)) {
    if (!name.endsWith(".blk")) continue;
    const file = await readFile(join(dir, name));
    const at = file.indexOf(content.subarray(0, 64));
    if (at === -1) continue;
    file[at] = (file[at] ?? 0) ^ 1;
    await writeFile(join(dir, name), file);
    return;
  }
  throw new Error("the content is not in the store");
}

describe("a blob on a failing disk", () => {
  it("is corrupt, and whoever reads it is told, not kept waiting", async () => {
    const { blobs } = await connect();
    const content = randomBytes(3 * MIB);
    const ref = await blobs.put(once(content));
    await nats.shutDown();
    await corrupt(content.subarray(5 * BLOB_PART_BYTES));
    await nats.start();
    const parts: Uint8Array[] = [];
    const reading = (async () => {
      for await (const part of blobs.get(ref)) parts.push(part);
    })();
    await expect(reading).rejects.toMatchObject({ code: "blob_corrupt" });
    expect(parts.length).toBeLessThanOrEqual(5);
  });
});

describe("a large blob", () => {
  it("passes through little memory", async () => {
    const program = new URL("../../support/transfer-blob.ts", import.meta.url).pathname;
    const transfer = async (bytes: number) => {
      const args = [program, nats.url, String(bytes)];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      return JSON.parse(stdout) as { read: number; maxRssBytes: number };
    };
    const small = await transfer(1);
    const large = await transfer(160 * MIB);
    expect(large.read).toBe(160 * MIB);
    expect(large.maxRssBytes - small.maxRssBytes).toBeLessThan(120 * MIB);
  });

  it("is read on after the server was killed in the middle", async () => {
    const { blobs } = await connect();
    const content = randomBytes(10 * MIB);
    const ref = await blobs.put(once(content));
    const parts: Uint8Array[] = [];
    for await (const part of blobs.get(ref)) {
      parts.push(part);
      if (parts.length === 5) {
        await nats.kill9();
        await nats.start();
      }
    }
    expect(Buffer.compare(Buffer.concat(parts), content)).toBe(0);
  });

  it("is stored on after the server was killed in the middle", async () => {
    const { blobs } = await connect();
    const content = randomBytes(10 * MIB);
    let passes = 0;
    const ref = await blobs.put(async function* () {
      passes += 1;
      yield content.subarray(0, 4 * MIB);
      if (passes === 2) {
        await nats.kill9();
        await nats.start();
      }
      yield content.subarray(4 * MIB);
    });
    expect(Buffer.compare(Buffer.concat(await all(blobs.get(ref))), content)).toBe(0);
  });
});
