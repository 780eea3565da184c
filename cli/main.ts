import { processHost } from "./host.ts";
import { pitaya } from "./pitaya.ts";

// Importing this module is running the program.
process.exitCode = await pitaya(processHost());
