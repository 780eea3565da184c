#!/usr/bin/env node
import { handOver } from "./boot/hand-over.mjs";

const args = process.argv.slice(2);
// The first line a person reads, before anything is fetched or started. `--live` asks for more, and
// the demo itself then says what it will call.
if (!args.includes("--live")) {
  console.log(
    "Demo: the real Claude Code CLI against a scripted model server of ours; no paid service is called.",
  );
}
await handOver("demo/main.ts", args, (error) => {
  process.stderr.write(`set-up failed: ${error.message}\n`);
});
