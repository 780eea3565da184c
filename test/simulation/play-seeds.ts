import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Failed = z.object({ seed: z.int(), violations: z.array(z.string()) });
export type Failed = z.infer<typeof Failed>;

const program = fileURLToPath(new URL("./seeds.ts", import.meta.url));

/**
 * Seeds that one process plays. What a crashed process held is let go only with the process that
 * simulated it: Node keeps a signal made of others for as long as somebody listens to it.
 */
const AT_ONCE = 1_000;

/** Plays the seeds from 0 on, on all cores. @returns those that failed, and how many events there were */
export async function playSeeds(
  count: number,
): Promise<{ readonly failed: readonly Failed[]; readonly events: number }> {
  const failed: Failed[] = [];
  let events = 0;
  let next = 0;
  const playOn = async () => {
    while (next < count) {
      const first = next;
      next += AT_ONCE;
      const share = await playShare(first, Math.min(first + AT_ONCE, count));
      failed.push(...share.failed);
      events += share.events;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, playOn));
  return { failed: failed.sort((a, b) => a.seed - b.seed), events };
}

async function playShare(first: number, end: number) {
  const child = spawn(process.execPath, [program, String(first), String(end)], {
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
