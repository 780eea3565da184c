import { bundleIsCurrent, makeBundle } from "../bundle/bundle.ts";
import { findEngine } from "../engine/find-engine.ts";
import { findOrBuildServicesImage } from "../images/services-image.ts";
import { findOrFetchCompose } from "./compose.ts";
import { places } from "./places.ts";
import { setUp } from "./set-up.ts";
import { describeFailure } from "./set-up-error.ts";
import { steps } from "./steps.ts";
import { installWorkspace } from "./workspace.ts";

const usage = `usage: node scripts/setup.mjs [programs | compose]

  (nothing)  all that the demo and the tests need
  programs   only the workspace and the bundled programs: no engine, no image
  compose    all, and what docker-compose.yml needs: the services image, Docker Compose

It prints what it found as JSON.`;

const where = places(process.env);
const progress = steps(
  (line) => void process.stderr.write(line),
  () => performance.now(),
);

const parts: Record<string, () => Promise<unknown>> = {
  all: () => setUp(where, progress),
  async programs() {
    await installWorkspace(where, progress);
    await makeBundle(where, progress);
    return { bundled: bundleIsCurrent(where) };
  },
  async compose() {
    const record = await setUp(where, progress);
    const { engine } = await findEngine(where.engine.socket);
    if (!engine) throw new Error("the engine is gone");
    await findOrBuildServicesImage(where, engine, progress);
    return { ...record, compose: await findOrFetchCompose(where, progress) };
  },
};

const part = parts[process.argv[2] ?? "all"];
if (!part) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    console.log(JSON.stringify(await part(), null, 2));
  } catch (error) {
    console.error(`set-up failed: ${describeFailure(error)}`);
    process.exitCode = 1;
  }
}
