import { jetstreamManager } from "@nats-io/jetstream";
import { BlobManifest, streams, subjects } from "@pitaya/protocol";
import { refOf, storedBlobs } from "../blobs/stored-blobs.ts";
import { decode } from "../codec.ts";
import type { Upkeep } from "../upkeep.port.ts";
import { apiCode, jsCodes } from "./failures.ts";
import { findLast } from "./find-last.ts";
import type { Link } from "./link.ts";
import { untilAnswered } from "./patience.ts";

const BLOBS = streams.blobs.name;
const COMMANDS = streams.commands.name;
/** Streams that are read message by message, and by subscription. */
const READ_WITHOUT: readonly string[] = [streams.events.name, streams.output.name];
/** How long the store may be away before looking it over is given up. */
const PATIENCE_MS = 60_000;
/** One answer names up to a hundred thousand subjects, which takes a server seconds. */
const LOOK_TIMEOUT_MS = 20_000;

export function natsUpkeep(link: Link): Upkeep {
  const patience = { doing: "look over the store", forMs: PATIENCE_MS };

  /** How many messages each subject of a stream has. */
  const countsOf = async (stream: string, filter: string): Promise<Record<string, number>> => {
    const { nc, apiPrefix } = link;
    const options = { apiPrefix, timeout: LOOK_TIMEOUT_MS, checkAPI: false };
    const manager = await jetstreamManager(nc, options);
    const info = await untilAnswered(link, patience, () =>
      manager.streams.info(stream, { subjects_filter: filter }),
    );
    return info.state.subjects ?? {};
  };

  const purge = async (stream: string, filter: string): Promise<void> => {
    await untilAnswered(link, patience, () => link.jsm.streams.purge(stream, { filter }));
  };

  const removeConsumer = async (stream: string, name: string): Promise<void> => {
    await untilAnswered(link, patience, () =>
      link.jsm.consumers.delete(stream, name).catch((error: unknown) => {
        // Gone, perhaps by an earlier try of this very request.
        if (apiCode(error) !== jsCodes.consumerNotFound) throw error;
      }),
    );
  };

  return {
    blobs: async () => storedBlobs(Object.keys(await countsOf(BLOBS, subjects.blob.filter()))),

    async manifest({ writer, sha256 }) {
      const subject = subjects.blob.of({ writer, sha256, part: "manifest" });
      const found = await findLast(link, BLOBS, subject);
      if (found === undefined) return undefined;
      return refOf(decode(BlobManifest, found.payload, "A blob's manifest"));
    },

    async removeBlob({ writer, sha256 }) {
      await purge(BLOBS, subjects.blob.of({ writer, sha256, part: "manifest" }));
      await purge(BLOBS, subjects.blob.filter({ writer, sha256 }));
    },

    queues: () =>
      untilAnswered(link, patience, async () => {
        const names: string[] = [];
        for await (const { name } of link.jsm.consumers.list(COMMANDS)) names.push(name);
        return names;
      }),

    removeQueue: (name) => removeConsumer(COMMANDS, name),

    strayConsumers: () =>
      untilAnswered(link, patience, async () => {
        const names: string[] = [];
        for (const stream of READ_WITHOUT) {
          for await (const { name, config } of link.jsm.consumers.list(stream)) {
            if (config.durable_name !== undefined) names.push(`${stream}/${name}`);
          }
        }
        return names;
      }),

    async removeStrayConsumer(name) {
      const [stream = "", consumer = ""] = name.split("/");
      if (READ_WITHOUT.includes(stream)) await removeConsumer(stream, consumer);
    },

    async orders() {
      const waiting = new Map<string, number>();
      const counts = await countsOf(COMMANDS, streams.commands.subjects[0]);
      for (const [subject, count] of Object.entries(counts)) {
        const runner = (subjects.start.parse(subject) ?? subjects.control.parse(subject))?.runner;
        if (runner !== undefined) waiting.set(runner, (waiting.get(runner) ?? 0) + count);
      }
      return waiting;
    },

    async removeOrders(runner) {
      await purge(COMMANDS, subjects.start.filter({ runner }));
      await purge(COMMANDS, subjects.control.filter({ runner }));
    },
  };
}
