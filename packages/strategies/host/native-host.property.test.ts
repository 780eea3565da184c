import { strategyHostContract } from "../testing/host.contract.ts";
import { startExecution } from "./start-execution.ts";

strategyHostContract("the native host", startExecution);
