import { BlobManifest, subjects } from "@pitaya/protocol";
import { refOf, storedBlobs } from "../blobs/stored-blobs.ts";
import { decode } from "../codec.ts";
import { matchesAny } from "../subject-filter.rules.ts";
import type { Upkeep } from "../upkeep.port.ts";
import type { QueueState } from "./memory-queue.ts";
import type { MemoryStream } from "./memory-stream.ts";

export function memoryUpkeep(
  blobs: MemoryStream,
  commands: MemoryStream,
  { durables }: QueueState,
): Upkeep {
  const purge = (stream: MemoryStream, filter: string) => {
    for (const { subject, sequence } of stream.all()) {
      if (matchesAny([filter], subject)) stream.remove(sequence);
    }
  };
  return {
    blobs: async () => storedBlobs(new Set(blobs.all().map(({ subject }) => subject))),
    async manifest({ writer, sha256 }) {
      const found = blobs.last(subjects.blob.of({ writer, sha256, part: "manifest" }));
      if (found === undefined) return undefined;
      return refOf(decode(BlobManifest, found.payload, "A blob's manifest"));
    },
    async removeBlob({ writer, sha256 }) {
      purge(blobs, subjects.blob.filter({ writer, sha256 }));
    },
    queues: async () => [...durables.keys()],
    async removeQueue(name) {
      durables.delete(name);
    },
    // Nobody can make one here.
    strayConsumers: async () => [],
    removeStrayConsumer: async () => {},
    async orders() {
      const waiting = new Map<string, number>();
      for (const { subject } of commands.all()) {
        const runner = (subjects.start.parse(subject) ?? subjects.control.parse(subject))?.runner;
        if (runner !== undefined) waiting.set(runner, (waiting.get(runner) ?? 0) + 1);
      }
      return waiting;
    },
    async removeOrders(runner) {
      purge(commands, subjects.start.filter({ runner }));
      purge(commands, subjects.control.filter({ runner }));
    },
  };
}
