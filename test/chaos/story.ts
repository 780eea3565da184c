import { appendFileSync, mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Seen } from "./run-watch.ts";

/** What happened, line by line with the time since the start, and the directory with all logs. */
export interface Story {
  readonly directory: string;
  tell(line: string): void;
  readonly lines: readonly string[];
  /** A file of this story; its directory is there. */
  file(name: string): string;
  /** Nobody wants to read it. */
  forget(): Promise<void>;
}

/** @param print where each line goes as well */
export function openStory(name: string, print: (line: string) => void): Story {
  const directory = mkdtempSync(join(tmpdir(), `pitaya-chaos-${name}-`));
  const startedAt = performance.now();
  const lines: string[] = [];
  return {
    directory,
    lines,
    tell(text) {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(2).padStart(6);
      const line = `${seconds} s  ${text}`;
      lines.push(line);
      appendFileSync(join(directory, "story.txt"), `${line}\n`);
      print(line);
    },
    file(name) {
      mkdirSync(directory, { recursive: true });
      return join(directory, name);
    },
    forget: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** An event of the log as a line of the story. */
export function tellEvent(story: Story, { label, n, instance, runner, remark }: Seen): void {
  const whose = [instance?.slice(0, 8), runner && `on ${runner}`, remark].filter(Boolean).join(" ");
  story.tell(`  ${label} ${n} ${whose}`.trimEnd());
}
