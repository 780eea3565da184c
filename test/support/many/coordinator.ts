import { coordinatorProgram } from "@pitaya/coordinator/program";
import { many } from "./many-strategy.ts";

await coordinatorProgram([many]);
