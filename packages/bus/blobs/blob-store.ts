import { createHash } from "node:crypto";
import { BlobManifest, type BlobRef, PitayaError, ProcessId, subjects } from "@pitaya/protocol";
import type { BlobStore } from "../bus.port.ts";
import { decode, encode } from "../codec.ts";
import type { PartStore } from "./part-store.port.ts";
import { digestOf, inParts, partCount, partLength } from "./parts.ts";

/** Parts on their way at a time, in either direction: 2 MiB. */
const WINDOW_PARTS = 8;

/**
 * Blobs as messages: parts named by the content they belong to, and a manifest that is written last
 * and so says that all of them are there.
 */
export function blobStore(writerId: string, store: PartStore): BlobStore {
  const writer = ProcessId.parse(writerId);

  async function manifestOf(of: {
    readonly writer: string;
    readonly sha256: string;
  }): Promise<BlobManifest | undefined> {
    const found = await store.get(subjects.blob.of({ ...of, part: "manifest" }));
    return found === undefined ? undefined : decode(BlobManifest, found, "A blob's manifest");
  }

  return {
    async put(open, parents = []) {
      const { sha256, bytes } = await digestOf(open());
      const ref: BlobRef = {
        writer,
        sha256,
        bytes,
        parts: partCount(bytes),
        parents: [...parents],
      };
      const key = `${writer}.${sha256}`;
      await store.pin(key);
      const known = await manifestOf(ref);
      if (known === undefined) await upload(store, ref, open, key);
      if (known === undefined || !sameMembers(known.parents, ref.parents)) {
        await store.put(
          subjects.blob.of({ writer, sha256, part: "manifest" }),
          encode(BlobManifest, { v: 1, ...ref }),
        );
      }
      return ref;
    },

    async has(ref) {
      return sameContent(await manifestOf(ref), ref);
    },

    async *get(ref) {
      if (!sameContent(await manifestOf(ref), ref)) throw missing(ref);
      const hash = createHash("sha256");
      for await (const part of readAhead(ref.parts, (part) => readPart(store, ref, part))) {
        hash.update(part);
        yield part;
      }
      if (hash.digest("hex") !== ref.sha256) throw corrupt(ref, "its bytes have another digest");
    },
  };
}

async function upload(
  store: PartStore,
  ref: BlobRef,
  open: () => AsyncIterable<Uint8Array>,
  pinKey: string,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const note = (error: unknown) => {
    failure ??= { error };
  };
  const stopPinning = store.whileUploading(() => void store.pin(pinKey).catch(note));
  const underWay = new Set<Promise<void>>();
  const hash = createHash("sha256");
  try {
    let part = 0;
    for await (const payload of inParts(open())) {
      hash.update(payload);
      const subject = subjects.blob.of({ ...ref, part: String(part) });
      const sent = store
        .putOnce(subject, payload)
        .catch(note)
        .finally(() => underWay.delete(sent));
      underWay.add(sent);
      part += 1;
      if (underWay.size >= WINDOW_PARTS) await Promise.race(underWay);
      if (failure !== undefined) break;
    }
    await Promise.all(underWay);
  } finally {
    stopPinning();
  }
  if (failure !== undefined) throw failure.error;
  if (hash.digest("hex") !== ref.sha256) {
    throw new PitayaError(
      "internal",
      "Bytes to be stored changed between the first and the second time they were read.",
    );
  }
}

async function readPart(store: PartStore, ref: BlobRef, part: number): Promise<Uint8Array> {
  const payload = await store.get(subjects.blob.of({ ...ref, part: String(part) }));
  // The manifest is stored last, and removed first: what it names was there.
  if (payload === undefined) throw corrupt(ref, `part ${part} of ${ref.parts} is lost`);
  const expected = partLength(ref.bytes, part);
  if (payload.byteLength !== expected) {
    throw corrupt(ref, `part ${part} has ${payload.byteLength} bytes instead of ${expected}`);
  }
  return payload;
}

/** Reads `count` parts in order, up to a window ahead of the one that is wanted. */
async function* readAhead(
  count: number,
  read: (part: number) => Promise<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = [];
  let next = 0;
  const request = () => {
    if (next >= count) return;
    const reading = read(next);
    // Whoever stops early awaits no part further ahead; a failure there is then nobody's.
    reading.catch(() => undefined);
    ahead.push(reading);
    next += 1;
  };
  for (let i = 0; i < WINDOW_PARTS; i += 1) request();
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    const payload = await part;
    request();
    yield payload;
  }
}

const sameContent = (manifest: BlobManifest | undefined, ref: BlobRef) =>
  manifest !== undefined &&
  manifest.sha256 === ref.sha256 &&
  manifest.bytes === ref.bytes &&
  manifest.parts === ref.parts;

const sameMembers = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((member) => b.includes(member));

const missing = (ref: BlobRef) =>
  new PitayaError(
    "blob_missing",
    `Blob ${ref.sha256.slice(0, 12)} of ${ref.writer} is not in the store.`,
    {
      hint: "It was removed, or its upload did not finish. Whoever made it has to store it again.",
      details: { writer: ref.writer, sha256: ref.sha256 },
    },
  );

const corrupt = (ref: BlobRef, why: string) =>
  new PitayaError(
    "blob_corrupt",
    `Blob ${ref.sha256.slice(0, 12)} of ${ref.writer} is corrupt: ${why}.`,
    {
      hint: "The server's disk or another process altered it. Whoever made it has to store it again.",
      details: { writer: ref.writer, sha256: ref.sha256 },
    },
  );
