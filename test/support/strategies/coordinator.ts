import { coordinatorProgram } from "@pitaya/coordinator/program";
import { testStrategies } from "./index.ts";

/* The coordinator's program, with the strategies of tests beside the built-in ones. */
await coordinatorProgram(testStrategies);
