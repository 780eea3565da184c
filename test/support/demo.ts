import { parseArgs } from "node:util";
import { runDemo } from "./demo/run-demo.ts";

/*
 * The program behind `npm run demo`, which sets the machine up first. Also called by itself:
 * node test/support/demo.ts [--live]
 */
const { values } = parseArgs({ options: { live: { type: "boolean", default: false } } });
process.exitCode = await runDemo({ live: values.live, env: process.env });
