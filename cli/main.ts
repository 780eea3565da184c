import { processHost } from "./host.ts";
import { pitaya } from "./pitaya.ts";

// Importing this module is running the program. All it has to say is written by now, and whatever is
// still open, such as a connection on its way, has nobody left to serve.
process.exit(await pitaya(processHost()));
