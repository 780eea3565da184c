import { runWithSetUp } from "../setup/run-with-set-up.ts";

await runWithSetUp("test/chaos/main.ts", process.argv.slice(2));
