import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultHost, type Engine } from "../engine/find-engine.ts";
import { agentsImage } from "../images/agents-image.ts";
import { natsImage } from "../images/nats-image.ts";
import type { Places } from "./places.ts";

/** What set-up found, for programs that start later: the launcher `cli/bin/pitaya.mjs` reads it. */
export interface SetUpRecord {
  /** A Node that runs the project. */
  readonly node: string;
  /** Environment that leads programs to the rest; what the caller has set himself comes first. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param engine left out where set-up was not asked for one */
export function setUpRecord(
  places: Places,
  natsServer: string,
  engine: Engine | undefined,
): SetUpRecord {
  return {
    node: process.execPath,
    env: {
      PITAYA_CACHE_DIR: places.cache,
      PITAYA_NATS_SERVER: natsServer,
      PITAYA_AGENTS_IMAGE: agentsImage,
      PITAYA_NATS_IMAGE: natsImage,
      ...(engine && engine.host !== defaultHost ? { DOCKER_HOST: engine.host } : {}),
    },
  };
}

export function writeRecord(places: Places, record: SetUpRecord): void {
  mkdirSync(places.state, { recursive: true });
  const file = join(places.state, "setup.json");
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(unfinished, file);
}
