import { coordinatorProgram } from "./program.ts";

await coordinatorProgram();
