import { createHash, randomBytes } from "node:crypto";
import { BLOB_PART_BYTES, type BlobRef, buckets } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { loadText, storeText } from "../text.ts";
import { all, aProcess, bytes, type Harness } from "./harness.ts";

/** A source of these bytes that counts how often it is read. */
function sourceOf(content: Uint8Array, chunk = 100_000) {
  const source = {
    reads: 0,
    open: async function* () {
      source.reads += 1;
      for (let at = 0; at < content.byteLength; at += chunk) yield content.subarray(at, at + chunk);
    },
  };
  return source;
}

export function blobsContract(server: () => Harness): void {
  describe("blobs", () => {
    it.each([0, 1, BLOB_PART_BYTES, BLOB_PART_BYTES + 1, 3_000_000])(
      "stores and reads %i bytes",
      async (length) => {
        const writer = aProcess("writer");
        const { blobs } = await server().connect(writer);
        const content = randomBytes(length);
        const ref = await blobs.put(sourceOf(content).open);
        expect(ref).toEqual({
          writer,
          sha256: createHash("sha256").update(content).digest("hex"),
          bytes: length,
          parts: Math.ceil(length / BLOB_PART_BYTES),
          parents: [],
        });
        const reader = await server().connect(aProcess("reader"));
        expect(await reader.blobs.has(ref)).toBe(true);
        expect(Buffer.compare(Buffer.concat(await all(reader.blobs.get(ref))), content)).toBe(0);
      },
    );

    it("does not send again what it has stored", async () => {
      const { blobs } = await server().connect(aProcess("writer"));
      const source = sourceOf(randomBytes(1_000_000));
      const ref = await blobs.put(source.open);
      expect(source.reads).toBe(2);
      expect(await blobs.put(source.open)).toEqual(ref);
      expect(source.reads).toBe(3);
    });

    it("keeps each writer's copy apart", async () => {
      const [one, two] = await Promise.all(
        ["a", "b"].map((kind) => server().connect(aProcess(kind))),
      );
      const content = randomBytes(1_000);
      const ref = await one?.blobs.put(sourceOf(content).open);
      const other = { ...ref, writer: aProcess("nobody") } as BlobRef;
      expect(await two?.blobs.has(other)).toBe(false);
      expect((await two?.blobs.put(sourceOf(content).open))?.writer).not.toBe(ref?.writer);
    });

    it("pins what it stores", async () => {
      const writer = aProcess("writer");
      const { blobs, bucket } = await server().connect(writer);
      const { sha256 } = await blobs.put(sourceOf(randomBytes(10)).open);
      expect(await bucket(buckets.pins).get(`${writer}.${sha256}`)).toBeDefined();
    });

    it("names parents, and stands by what it was stored with last", async () => {
      const { blobs } = await server().connect(aProcess("writer"));
      const source = sourceOf(randomBytes(10));
      const parents = ["a".repeat(64)];
      const plain = await blobs.put(source.open);
      const ref = await blobs.put(source.open, parents);
      expect(ref.parents).toEqual(parents);
      expect(await blobs.has(plain)).toBe(true);
    });

    it("says that a blob is missing", async () => {
      const { blobs } = await server().connect(aProcess("writer"));
      const ref = await blobs.put(sourceOf(randomBytes(10)).open);
      const absent: BlobRef = { ...ref, sha256: "0".repeat(64) };
      expect(await blobs.has(absent)).toBe(false);
      await expect(all(blobs.get(absent))).rejects.toMatchObject({ code: "blob_missing" });
      const shorter: BlobRef = { ...ref, bytes: 9 };
      await expect(all(blobs.get(shorter))).rejects.toMatchObject({ code: "blob_missing" });
    });

    it("stores nothing when the source fails or changes", async () => {
      const { blobs } = await server().connect(aProcess("writer"));
      let reads = 0;
      const failing = async function* () {
        reads += 1;
        yield randomBytes(300_000);
        if (reads === 2) throw new Error("the file went away");
      };
      await expect(blobs.put(failing)).rejects.toThrow("the file went away");
      const changing = async function* () {
        yield randomBytes(300_000);
      };
      await expect(blobs.put(changing)).rejects.toMatchObject({ code: "internal" });
    });

    it("may be left before the end", async () => {
      const { blobs } = await server().connect(aProcess("writer"));
      const ref = await blobs.put(sourceOf(randomBytes(5_000_000)).open);
      for await (const part of blobs.get(ref)) {
        expect(part.byteLength).toBe(BLOB_PART_BYTES);
        break;
      }
      expect(Buffer.concat(await all(blobs.get(ref))).byteLength).toBe(5_000_000);
    });

    it("keeps long texts, and short ones in the message", async () => {
      const bus = await server().connect(aProcess("writer"));
      const limit = "é".repeat(4_096);
      expect(await storeText(bus, limit)).toEqual({ inline: limit });
      const long = `${limit}😀`;
      const stored = await storeText(bus, long);
      expect(stored).toMatchObject({ blob: { bytes: bytes(long).byteLength } });
      expect("excerpt" in stored && long.startsWith(stored.excerpt)).toBe(true);
      expect(await loadText(bus, stored)).toBe(long);
    });
  });
}
