import { askEngine } from "../engine/engine-api.ts";
import type { Engine } from "../engine/find-engine.ts";

/** Label that names what an image was built from, so that set-up knows whether it is current. */
export const inputsLabel = "pitaya.inputs";

const localTimeoutMs = 10_000;
/** A registry behind a proxy that accepts and never answers would hold a pull up for long. */
const registryTimeoutMs = 4000;

export interface Image {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The image of that name in the engine's own store. */
export async function findImage(engine: Engine, name: string): Promise<Image | undefined> {
  const path = `/images/${encodeURIComponent(name)}/json`;
  const { status, body } = await askEngine(engine.host, { path, timeoutMs: localTimeoutMs });
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the engine answers ${status} about image ${name}: ${body}`);
  const found = JSON.parse(body) as {
    Id: string;
    Config: { Labels: Record<string, string> | null } | null;
  };
  return { id: found.Id, labels: found.Config?.Labels ?? {} };
}

/** Whether the engine could pull that image. The engine is asked, since it may have other ways out. */
export async function canPull(engine: Engine, name: string): Promise<boolean> {
  const path = `/distribution/${encodeURIComponent(name)}/json`;
  try {
    return (await askEngine(engine.host, { path, timeoutMs: registryTimeoutMs })).status === 200;
  } catch {
    return false;
  }
}
