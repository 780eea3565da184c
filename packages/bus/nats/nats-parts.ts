import { buckets, Pin, streams } from "@pitaya/protocol";
import type { PartStore } from "../blobs/part-store.port.ts";
import type { Bucket } from "../bus.port.ts";
import { encode } from "../codec.ts";
import { findLast } from "./find-last.ts";
import type { Link } from "./link.ts";
import { publish } from "./publish.ts";

const STREAM = streams.blobs.name;
const PIN_RENEWAL_MS = buckets.pins.ttlMs / 4;
const STORE_FOR_MS = 60_000;

/**
 * Parts have no message ids: after a blob was removed and stored again within the de-duplication
 * window, the server would count the second copy as there. Expecting no message says the same.
 */
export function natsParts(link: Link, pins: Bucket): PartStore {
  const patience = { doing: "store a blob", forMs: STORE_FOR_MS };
  return {
    async putOnce(subject, payload) {
      await publish(link, { subject, payload, expectedLast: 0 }, patience);
    },
    async put(subject, payload) {
      await publish(link, { subject, payload }, patience);
    },
    get: async (subject) => (await findLast(link, STREAM, subject))?.payload,
    pin: async (key) => void (await pins.put(key, encode(Pin, { v: 1 }))),
    whileUploading(renew) {
      const timer = setInterval(renew, PIN_RENEWAL_MS);
      return () => clearInterval(timer);
    },
  };
}
