import { runWithSetUp } from "../setup/run-with-set-up.ts";

await runWithSetUp("test/support/demo.ts", process.argv.slice(2));
