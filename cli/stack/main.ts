import { enableCompileCache } from "node:module";

// Halves the time that loading the programs takes, from the second start on.
const [, , , cacheDirectory] = process.argv;
if (cacheDirectory) enableCompileCache(cacheDirectory);

const { superviseFromArguments } = await import("./supervisor-process.ts");
// Most of the code: loaded once others are told to wait for this process, and while nats-server starts.
await superviseFromArguments(async () => (await import("./services.ts")).services);
