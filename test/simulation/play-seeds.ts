import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Failed = z.object({ seed: z.int(), violations: z.array(z.string()) });
export type Failed = z.infer<typeof Failed>;

const program = fileURLToPath(new URL("./seeds.ts", import.meta.url));

/** Plays the seeds from 0 on, on all cores. @returns those that failed, and how many events there were */
export async function playSeeds(
  count: number,
): Promise<{ readonly failed: readonly Failed[]; readonly events: number }> {
  const cores = availableParallelism();
  const shares = await Promise.all(
    Array.from({ length: cores }, (_, first) => playShare(first, count, cores)),
  );
  return {
    failed: shares.flatMap(({ failed }) => failed).sort((a, b) => a.seed - b.seed),
    events: shares.reduce((sum, { events }) => sum + events, 0),
  };
}

async function playShare(first: number, end: number, step: number) {
  const child = spawn(process.execPath, [program, String(first), String(end), String(step)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const failed: Failed[] = [];
  let events: number | undefined;
  const ended = once(child, "close");
  for await (const line of createInterface({ input: child.stdout })) {
    const said: unknown = JSON.parse(line);
    const failure = Failed.safeParse(said);
    if (failure.success) failed.push(failure.data);
    else events = z.object({ events: z.int() }).parse(said).events;
  }
  const [code] = await ended;
  if (code !== 0 || events === undefined)
    throw new Error(`seeds from ${first} on ended with ${code}`);
  return { failed, events };
}
