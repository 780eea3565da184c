#!/usr/bin/env node
import { handOver } from "./boot/hand-over.mjs";

await handOver("engine/main.ts", process.argv.slice(2), (error) => {
  process.stderr.write(`${error.message}\n`);
});
