import { dockerExecutor } from "../adapters/docker/docker-executor.ts";
import type { AttemptSpec } from "../ports/executor.port.ts";

/**
 * A runner of its own process, for a test that kills it: starts the attempt it is given, reads its
 * output to the first line, says so, and stays.
 */
const { runnerId, helperImage, spec } = JSON.parse(process.argv[2] ?? "{}") as {
  runnerId: string;
  helperImage: string;
  spec: AttemptSpec;
};
const executor = await dockerExecutor({ runnerId, helperImage, bus: [] });
await executor.open();
await executor.prepare(spec);
const execution = await executor.start(spec.name, { SECRET: "handed over" });
for await (const item of execution.output) {
  if ("bytes" in item && Buffer.from(item.bytes).includes("\n")) console.log("read");
}
