import { join } from "node:path";
import { bundleIsCurrent, makeBundle } from "../bundle/bundle.ts";
import { type Engine, findEngine } from "../engine/find-engine.ts";
import { findOrStartEngine } from "../engine/get-engine.ts";
import { type AgentClis, findOrFetchAgentClis } from "../images/agent-clis.ts";
import { buildAgentsImage, isAgentsImageCurrent } from "../images/agents-image.ts";
import { findOrMakeBase } from "../images/base-image.ts";
import { buildNatsImage, isNatsImageCurrent } from "../images/nats-image.ts";
import { natsServerFromImage } from "../images/nats-server-from-image.ts";
import { type BaseInTheMaking, beginOwnBase } from "../images/own-base.ts";
import { mayInstall } from "./apt.ts";
import { findPrograms } from "./find-program.ts";
import { withLock } from "./lock.ts";
import { findNatsServer, findOrFetchNatsServer } from "./nats-server.ts";
import type { Places } from "./places.ts";
import { type SetUpRecord, setUpRecord, writeRecord } from "./record.ts";
import type { Steps } from "./steps.ts";
import { installWorkspace, isWorkspaceInstalled } from "./workspace.ts";

/**
 * Gets everything the tests and the demo need, and says where it is. What is there is not touched:
 * called again it only looks, in a fraction of a second and without network.
 *
 * @throws SetUpError, or an AggregateError of several, about what cannot be had here
 */
export async function setUp(places: Places, steps: Steps): Promise<SetUpRecord> {
  const startedAt = performance.now();
  const there = await look(places);
  const parts = there ?? (await get(places, steps));
  const record = setUpRecord(places, parts.natsServer, parts.engine);
  writeRecord(places, record);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  steps.say(
    `ready in ${seconds} s: Node ${process.versions.node}, ${parts.natsServer}, ` +
      `Docker engine ${parts.engine.version} at ${parts.engine.host}`,
  );
  if (parts.engine.host === `unix://${places.engine.socket}`) {
    steps.say(
      "that engine was started by set-up and stays; to end it: node scripts/engine.mjs stop",
    );
  }
  return record;
}

interface Parts {
  readonly natsServer: string;
  readonly engine: Engine;
}

/** Everything, if everything is there already. */
async function look(places: Places): Promise<Parts | undefined> {
  if (!isWorkspaceInstalled(places) || !bundleIsCurrent(places)) return undefined;
  const [natsServer, { engine }] = await Promise.all([
    findNatsServer(places),
    findEngine(places.engine.socket),
  ]);
  if (!natsServer || !engine) return undefined;
  const current = await Promise.all([
    isAgentsImageCurrent(places, engine),
    isNatsImageCurrent(places, engine),
  ]);
  return current.every(Boolean) ? { natsServer, engine } : undefined;
}

/** Chains that do not wait for one another run at once; one set-up at a time uses a cache. */
async function get(places: Places, steps: Steps): Promise<Parts> {
  const waiting = () => steps.say("another set-up is running; waiting for it");
  return await withLock(join(places.cache, "set-up.lock"), waiting, async () => {
    const { engine: running } = await findEngine(places.engine.socket);
    const early: Early = running ? {} : beginEarly(places, steps);
    const aptFree = early.base?.aptDone ?? Promise.resolve();
    const engine = aptFree.then(() => findOrStartEngine(places.engine, steps));
    const natsServer = findOrFetchNatsServer(places, steps, async (file) =>
      natsServerFromImage(await engine, file),
    );
    const programs = installWorkspace(places, steps).then(() => makeBundle(places, steps));
    const images = getImages(places, steps, engine, natsServer, early);
    await allOf([engine, natsServer, programs, images]);
    return { engine: await engine, natsServer: await natsServer };
  });
}

/** What an image will need, begun before there is an engine to say whether it has the image. */
interface Early {
  readonly clis?: Promise<AgentClis>;
  readonly base?: BaseInTheMaking;
}

/**
 * A machine without an engine has no images either, and where set-up has to install the engine, a
 * registry is not certain: the long steps do not wait for the answer.
 */
function beginEarly(places: Places, steps: Steps): Early {
  const clis = findOrFetchAgentClis(places, process.arch, steps);
  // Its failure is told by whoever needs it.
  clis.catch(() => undefined);
  const isFresh = mayInstall() && findPrograms("dockerd").length === 0;
  return isFresh ? { clis, base: beginOwnBase(places.cache, steps) } : { clis };
}

async function getImages(
  places: Places,
  steps: Steps,
  engineToCome: Promise<Engine>,
  natsServer: Promise<string>,
  early: Early,
): Promise<void> {
  const engine = await engineToCome.catch((error: unknown) => {
    early.base?.drop();
    throw error;
  });
  const [agentsCurrent, natsCurrent] = await Promise.all([
    isAgentsImageCurrent(places, engine),
    isNatsImageCurrent(places, engine),
  ]);
  if (agentsCurrent && natsCurrent) {
    early.base?.drop();
    return;
  }
  const clis = agentsCurrent
    ? undefined
    : (early.clis ?? findOrFetchAgentClis(places, engine.arch, steps));
  clis?.catch(() => undefined);
  const base = await findOrMakeBase(engine, places.cache, early.base, steps);
  if (clis) await buildAgentsImage(places, engine, base, await clis, steps);
  if (!natsCurrent) await buildNatsImage(places, engine, base, () => natsServer, steps);
}

/** Waits for all, so that nothing goes on behind a message, then throws each distinct failure. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const failures = (await Promise.allSettled(work))
    .filter((result) => result.status === "rejected")
    .map((result) => result.reason as unknown);
  const distinct = [...new Set(failures)];
  if (distinct.length === 1) throw distinct[0];
  if (distinct.length > 1) throw new AggregateError(distinct, "set-up failed in several parts");
}
