import Docker from "dockerode";

/** What Pitaya left on the engine for these runs: container and volume names. */
export async function leftOnEngine(runs: readonly string[]): Promise<string[]> {
  const engine = new Docker();
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
