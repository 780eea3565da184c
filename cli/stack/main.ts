import { enableCompileCache } from "node:module";

// Halves the time that loading the programs takes, from the second start on.
const [, , , cacheDirectory] = process.argv;
if (cacheDirectory) enableCompileCache(cacheDirectory);

const [{ superviseFromArguments }, { services }] = await Promise.all([
  import("./supervisor-process.ts"),
  import("./services.ts"),
]);
await superviseFromArguments(services);
