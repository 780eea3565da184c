import { processHost } from "../../../cli/host.ts";
import { pitaya } from "../../../cli/pitaya.ts";
import { testStrategies } from "./index.ts";

/* The `pitaya` program, with the strategies of tests beside the built-in ones. */
process.exit(await pitaya({ ...processHost(), strategies: testStrategies }));
