import type { Readable } from "node:stream";
import Docker from "dockerode";

/** What Pitaya has on the engine for these runs: container and volume names. */
async function onEngine(engine: Docker, runs: readonly string[]): Promise<string[]> {
  const [containers, { Volumes }] = await Promise.all([
    engine.listContainers({ all: true }),
    engine.listVolumes(),
  ]);
  const ours = (labels: Record<string, string> | null | undefined) =>
    Object.values(labels ?? {}).some((value) => runs.includes(value));
  return [
    ...containers.filter((c) => ours(c.Labels)).map((c) => c.Names[0] ?? c.Id),
    ...(Volumes ?? []).filter((v) => ours(v.Labels)).map((v) => v.Name),
  ];
}

/** The clean-up of an attempt goes on for a moment after its last fact; this is how long it may take. */
const CLEAN_UP_MS = 15_000;

/**
 * What stays on the engine of these runs. Looks again at each removal the engine tells of, until
 * nothing is there or the clean-up has had its time.
 */
export async function leftOnEngine(
  runs: readonly string[],
  engine = new Docker(),
): Promise<string[]> {
  const events = (await engine.getEvents({
    filters: { event: ["destroy"] },
  })) as Readable;
  const overdue = AbortSignal.timeout(CLEAN_UP_MS);
  overdue.addEventListener("abort", () => events.destroy());
  try {
    let left = await onEngine(engine, runs);
    if (left.length === 0) return left;
    for await (const _ of events) {
      left = await onEngine(engine, runs);
      if (left.length === 0) break;
    }
    return left;
  } catch (error) {
    if (overdue.aborted) return onEngine(engine, runs);
    throw error;
  } finally {
    events.destroy();
  }
}

/** Removes what a runner keeps for its next start: packs, checkouts, the wrapper. */
export async function forgetRunner(runner: string, engine = new Docker()): Promise<void> {
  const { Volumes } = await engine.listVolumes({
    filters: { label: [`pitaya.runner=${runner}`] },
  });
  for (const { Name } of Volumes ?? []) await engine.getVolume(Name).remove();
}

/** Removes everything on the engine with the label of this runner, whatever it is and does. */
export async function removeRunner(runner: string, engine = new Docker()): Promise<void> {
  const filters = { label: [`pitaya.runner=${runner}`] };
  for (const { Id } of await engine.listContainers({ all: true, filters })) {
    await engine.getContainer(Id).remove({ force: true, v: true });
  }
  const { Volumes } = await engine.listVolumes({ filters });
  for (const { Name } of Volumes ?? []) await engine.getVolume(Name).remove();
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove();
}
