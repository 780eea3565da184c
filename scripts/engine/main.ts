import { withLock } from "../setup/lock.ts";
import { places } from "../setup/places.ts";
import { describeFailure } from "../setup/set-up-error.ts";
import { steps } from "../setup/steps.ts";
import { findEngine } from "./find-engine.ts";
import { findOrStartEngine } from "./get-engine.ts";
import { engineLock, ownEnginePid, stopOwnEngine } from "./own-engine.ts";

const usage = `usage: node scripts/engine.mjs start | stop | status

  start   use the Docker engine that is there, or install and start one
  stop    stop the engine that set-up started; never another one
  status  say which engine is used`;

const dirs = places(process.env).engine;

const commands: Record<string, () => Promise<number>> = {
  async start() {
    const write = (line: string) => void process.stderr.write(line);
    const engine = await findOrStartEngine(
      dirs,
      steps(write, () => performance.now()),
    );
    console.log(`engine ${engine.version} at ${engine.host}`);
    return 0;
  },
  async stop() {
    const stop = () => stopOwnEngine(dirs);
    // Without one there is nothing to lock, and no right to either where set-up never had it.
    const stopped = ownEnginePid(dirs) && (await withLock(engineLock(dirs), () => undefined, stop));
    console.log(
      stopped
        ? `stopped; its images and containers stay in ${dirs.data}`
        : "set-up's own engine does not run; others are not ours to stop",
    );
    return 0;
  },
  async status() {
    const { engine, tried } = await findEngine(dirs.socket);
    if (!engine) {
      console.log(["no engine answers", ...tried].join("\n  "));
      return 1;
    }
    const own = engine.host === `unix://${dirs.socket}`;
    const whose = own ? `started by set-up, process ${ownEnginePid(dirs)}` : "not set-up's own";
    console.log(`engine ${engine.version} at ${engine.host}, ${whose}`);
    return 0;
  },
};

const command = commands[process.argv[2] ?? ""];
if (!command) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await command();
  } catch (error) {
    console.error(describeFailure(error));
    process.exitCode = 1;
  }
}
