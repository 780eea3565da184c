import { buckets } from "@pitaya/protocol";
import { blobStore } from "../blobs/blob-store.ts";
import type { Bus, BusStatus } from "../bus.port.ts";
import { QUEUE_ACK_WAIT_MS } from "../queue-settings.ts";
import { natsCommands } from "./command-queue.ts";
import { natsEvents } from "./event-log.ts";
import { type Link, type LinkOptions, openLink } from "./link.ts";
import { natsBucket } from "./nats-bucket.ts";
import { natsParts } from "./nats-parts.ts";
import { natsRequests } from "./nats-requests.ts";
import { natsUpkeep } from "./nats-upkeep.ts";
import { natsOutput } from "./output-log.ts";

export interface NatsBusOptions extends LinkOptions {
  /** How long a runner has for an order before it is delivered again. Default 30,000. */
  readonly queueAckWaitMs?: number;
}

/**
 * Connects to a NATS server whose streams `provision` has made. Reconnects by itself, for ever.
 *
 * @throws `bus_unavailable` when no server answers, `permission_denied` when it refuses the
 *   credential, `server_too_old`
 */
export async function natsBus(options: NatsBusOptions): Promise<Bus> {
  const link = await openLink(options);
  return {
    events: natsEvents(link),
    commands: natsCommands(link, options.queueAckWaitMs ?? QUEUE_ACK_WAIT_MS),
    output: natsOutput(link),
    blobs: blobStore(link.id, natsParts(link, natsBucket(link, buckets.pins))),
    requests: natsRequests(link),
    upkeep: natsUpkeep(link),
    bucket: (descriptor) => natsBucket(link, descriptor),
    status: (signal) => statusOf(link, signal),
    close: () => link.nc.close(),
  };
}

async function* statusOf(link: Link, signal: AbortSignal): AsyncIterable<BusStatus> {
  const changes: BusStatus[] = [link.status()];
  let wake = () => {};
  const off = link.onStatus((status) => {
    changes.push(status);
    wake();
  });
  const aborted = () => wake();
  signal.addEventListener("abort", aborted);
  try {
    while (!signal.aborted) {
      const change = changes.shift();
      if (change !== undefined) yield change;
      if (change === "closed") return;
      if (change === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", aborted);
    off();
  }
}
