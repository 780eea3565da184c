import type { StreamConfig } from "@nats-io/jetstream";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { apiCode, busError, jsCodes } from "./failures.ts";
import { type Link, type LinkOptions, openLink } from "./link.ts";
import { untilAnswered } from "./patience.ts";
import {
  byGrowth,
  type Config,
  differences,
  FULL_STORE_BYTES,
  streamConfigs,
} from "./stream-configs.rules.ts";

/** A store smaller than this is not worth having. */
const LEAST_STORE_BYTES = 256 * 1024 ** 2;
const PATIENCE_MS = 30_000;

export interface ProvisionOptions extends LinkOptions {
  /** Copies of each stream: 1, or 3 on a cluster. */
  readonly replicas?: number;
  /**
   * Bytes that all streams together may take; the limits of the descriptors keep their proportions.
   * Absent: streams that are there keep their limits, and new ones get the descriptors', or as much
   * of that as the server has room for.
   */
  readonly maxStoreBytes?: number;
}

/**
 * Makes every stream and bucket, or brings it up to date, and checks that the server has them as
 * asked: older servers drop what they do not know without a word.
 *
 * @throws `server_too_old`, `server_misconfigured`, `store_full`, `bus_unavailable`,
 *   `permission_denied`
 */
export async function provision(options: ProvisionOptions): Promise<void> {
  const { replicas = 1, maxStoreBytes } = options;
  const link = await openLink(options);
  try {
    if (link.nc.info?.jetstream !== true) throw noJetStream();
    if (maxStoreBytes === undefined) await fitted(link, replicas);
    else await ensureAll(link, streamConfigs(replicas, maxStoreBytes));
  } finally {
    await link.nc.close();
  }
}

async function ensureAll(link: Link, configs: readonly Config[]): Promise<void> {
  for (const config of byGrowth(configs, await reserved(link, configs))) await ensure(link, config);
}

/** Bytes that each stream which is there may take. */
async function reserved(link: Link, configs: readonly Config[]): Promise<Map<string, number>> {
  const there = new Map<string, number>();
  for (const { name } of configs) {
    const found = await find(link, name);
    if (found !== undefined) there.set(name, found.max_bytes);
  }
  return there;
}

/** Reserves half as much as before until the server has room for all. */
async function fitted(link: Link, replicas: number): Promise<void> {
  const there = await reserved(link, streamConfigs(replicas, FULL_STORE_BYTES));
  for (let bytes = FULL_STORE_BYTES; ; bytes /= 2) {
    try {
      for (const config of streamConfigs(replicas, bytes)) {
        await ensure(link, { ...config, max_bytes: there.get(config.name) ?? config.max_bytes });
      }
      return;
    } catch (error) {
      if (!isPitayaError(error, "store_full") || bytes / 2 < LEAST_STORE_BYTES) throw error;
      link.log("info", "the server has no room for streams of full size", { bytes });
    }
  }
}

async function ensure(link: Link, config: Config): Promise<void> {
  const made = await make(link, config);
  const differing = differences(config, made);
  if (differing.length > 0) {
    throw new PitayaError(
      "server_misconfigured",
      `The NATS server made the stream ${config.name} other than asked: ${differing.join("; ")}.`,
      { hint: "Use a nats-server of 2.12 or newer with file storage enabled for JetStream." },
    );
  }
}

async function make(link: Link, config: Config): Promise<Partial<StreamConfig>> {
  const found = await find(link, config.name);
  // Each update is written through to the disk, also one that changes nothing.
  if (found !== undefined && differences(config, found).length === 0) return found;
  const doing = `make the stream ${config.name}`;
  const change = () =>
    found === undefined
      ? link.jsm.streams.add(config)
      : link.jsm.streams.update(config.name, config);
  try {
    return (await untilAnswered(link, { doing, forMs: PATIENCE_MS }, change)).config;
  } catch (error) {
    throw misconfigured(config.name, busError(error, doing));
  }
}

function find(link: Link, name: string): Promise<StreamConfig | undefined> {
  return untilAnswered(link, { doing: `look at the stream ${name}`, forMs: PATIENCE_MS }, () =>
    link.jsm.streams.info(name).then(
      ({ config }) => config,
      (error: unknown) => {
        if (apiCode(error) === jsCodes.streamNotFound) return undefined;
        throw error;
      },
    ),
  );
}

/** A server that cannot have the stream answers with words of its own. */
const misconfigured = (name: string, error: PitayaError): PitayaError =>
  error.code === "internal"
    ? new PitayaError(
        "server_misconfigured",
        `The NATS server refused the stream ${name}: ${error.message}`,
        { cause: error, hint: "See the server's log; JetStream may lack room for it." },
      )
    : error;

const noJetStream = () =>
  new PitayaError("server_misconfigured", "The NATS server runs without JetStream.", {
    hint: "Start it with -js, or with a jetstream block in its configuration.",
  });
