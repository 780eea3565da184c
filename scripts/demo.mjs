#!/usr/bin/env node
import { handOver } from "./boot/hand-over.mjs";

const args = process.argv.slice(2);
// The first line a person reads, before anything is fetched or started. `--live` asks for more, and
// the demo itself then says what it will call.
if (!args.includes("--live")) {
  console.log(
    "Pitaya demo; no paid service is used: the real Claude Code CLI talks to a scripted model server.",
  );
}
await handOver("demo/main.ts", args, (error) => {
  process.stderr.write(`set-up failed: ${error.message}\n`);
});
