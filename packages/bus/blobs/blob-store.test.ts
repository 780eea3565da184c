import { BLOB_PART_BYTES } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { blobStore } from "./blob-store.ts";
import type { PartStore } from "./part-store.port.ts";

/** A store that counts what is under way at a time, and lets go of it one turn later. */
function countingStore() {
  const kept = new Map<string, Uint8Array>();
  const counted = { open: 0, most: 0, pins: 0, renewing: 0 };
  const slowly = async <T>(act: () => T): Promise<T> => {
    counted.open += 1;
    counted.most = Math.max(counted.most, counted.open);
    await new Promise((resolve) => setImmediate(resolve));
    counted.open -= 1;
    return act();
  };
  const store: PartStore = {
    putOnce: (subject, payload) => slowly(() => void kept.set(subject, payload.slice())),
    put: (subject, payload) => slowly(() => void kept.set(subject, payload.slice())),
    get: (subject) => slowly(() => kept.get(subject)),
    async pin() {
      counted.pins += 1;
    },
    whileUploading(renew) {
      counted.renewing += 1;
      renew();
      return () => {
        counted.renewing -= 1;
      };
    },
  };
  return { store, counted, kept };
}

const PARTS = 40;
const content = (parts = PARTS) =>
  async function* () {
    for (let i = 0; i < parts; i += 1) yield Buffer.alloc(BLOB_PART_BYTES, i);
  };

describe("a blob store", () => {
  it("has eight parts under way when it stores, and no more", async () => {
    const { store, counted } = countingStore();
    const ref = await blobStore("writer", store).put(content());
    expect(ref.parts).toBe(PARTS);
    expect(counted.most).toBe(8);
  });

  it("takes no more from the source than it may send", async () => {
    const { store, counted } = countingStore();
    let passes = 0;
    let ahead = 0;
    await blobStore("writer", store).put(async function* () {
      passes += 1;
      for await (const part of content()()) {
        yield part;
        if (passes === 2) ahead = Math.max(ahead, counted.open);
      }
    });
    expect(ahead).toBeLessThanOrEqual(8);
  });

  it("reads eight parts ahead of whoever takes them, and no more", async () => {
    const { store, counted } = countingStore();
    const blobs = blobStore("writer", store);
    const ref = await blobs.put(content());
    counted.most = 0;
    let reads = 0;
    const watched = blobStore("writer", {
      ...store,
      get(subject) {
        reads += 1;
        return store.get(subject);
      },
    });
    let taken = 0;
    for await (const part of watched.get(ref)) {
      expect(part[0]).toBe(taken);
      taken += 1;
      // Besides the manifest: what was taken, and a window.
      expect(reads - 1).toBeLessThanOrEqual(taken + 8);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBe(PARTS);
    expect(counted.most).toBeLessThanOrEqual(8);
  });

  it("keeps the blob pinned while it uploads, and stops after", async () => {
    const { store, counted } = countingStore();
    await blobStore("writer", store).put(content(1));
    expect(counted).toMatchObject({ pins: 2, renewing: 0 });
  });

  it("writes the manifest after all parts, and none when a part failed", async () => {
    const { store, kept } = countingStore();
    await blobStore("writer", store).put(content(3));
    expect([...kept.keys()].at(-1)).toMatch(/\.manifest$/);

    const failing = countingStore();
    const broken: PartStore = {
      ...failing.store,
      putOnce: async (subject, payload) => {
        if (subject.endsWith(".1")) throw new Error("no room");
        await failing.store.putOnce(subject, payload);
      },
    };
    await expect(blobStore("writer", broken).put(content(20))).rejects.toThrow("no room");
    expect([...failing.kept.keys()].some((subject) => subject.endsWith("manifest"))).toBe(false);
    expect(failing.counted.renewing).toBe(0);
  });

  it.each([
    ["a part is lost", (kept: Map<string, Uint8Array>, part: string) => kept.delete(part)],
    [
      "a part is shorter",
      (kept: Map<string, Uint8Array>, part: string) => kept.set(part, Buffer.alloc(3)),
    ],
    [
      "a bit is flipped",
      (kept: Map<string, Uint8Array>, part: string) =>
        kept.set(part, Buffer.alloc(BLOB_PART_BYTES, 99)),
    ],
  ])("is corrupt when %s", async (_, spoil) => {
    const { store, kept } = countingStore();
    const blobs = blobStore("writer", store);
    const ref = await blobs.put(content(4));
    const part = [...kept.keys()].find((subject) => subject.endsWith(".2")) ?? "";
    spoil(kept, part);
    const reading = (async () => {
      for await (const _part of blobs.get(ref));
    })();
    await expect(reading).rejects.toMatchObject({ code: "blob_corrupt" });
  });
});
