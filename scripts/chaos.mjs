#!/usr/bin/env node
import { handOver } from "./boot/hand-over.mjs";

await handOver("chaos/main.ts", process.argv.slice(2), (error) => {
  process.stderr.write(`set-up failed: ${error.message}\n`);
});
