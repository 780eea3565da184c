import { simulate } from "./simulate.ts";

/** `node test/simulation/replay.ts <seed>`: plays one seed again and prints everything that happens. */
const seed = Number(process.argv[2]);
const result = await simulate(seed, { trace: (line) => process.stdout.write(`${line}\n`) });
for (const violation of result.violations) process.stdout.write(`VIOLATION ${violation}\n`);
process.stdout.write(
  `seed ${seed}: ${result.steps} events, ${Math.round(result.virtualMs / 1_000)} s of virtual time\n`,
);
process.exitCode = result.violations.length > 0 ? 1 : 0;
