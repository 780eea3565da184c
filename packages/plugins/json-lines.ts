import { lineSplitter, type SplitLine } from "./line-splitter.ts";
import { cutText, MAX_EXCERPT } from "./output-text.ts";
import type { AgentRecord } from "./plugin.port.ts";

/** Lines reported as unreadable; of more only the number is told, at the end. */
const MAX_UNREADABLE = 100;

/** Reads a stream of lines that are JSON objects with a `type`, and reports those that are none. */
export interface JsonLines {
  push(bytes: Uint8Array): readonly AgentRecord[];
  end(): readonly AgentRecord[];
}

/** @param read what a line says; what it throws makes the line unreadable */
export function jsonLines(read: (type: string, json: object) => readonly AgentRecord[]): JsonLines {
  const splitter = lineSplitter();
  let unreadable = 0;

  function report(line: number, excerpt: string, reason: string): AgentRecord[] {
    unreadable += 1;
    if (unreadable > MAX_UNREADABLE) return [];
    const told = cutText(reason, MAX_EXCERPT);
    return [{ type: "unreadable", line, excerpt: cutText(excerpt, MAX_EXCERPT), reason: told }];
  }

  function readLine(line: SplitLine): readonly AgentRecord[] {
    if ("tooLong" in line) return report(line.number, line.tooLong, "longer than a line may be");
    if (line.text.trim() === "") return [];
    try {
      const json = objectIn(line.text);
      if (!("type" in json) || typeof json.type !== "string") throw new Error("it has no type");
      return read(json.type, json);
    } catch (error) {
      return report(line.number, line.text, error instanceof Error ? error.message : String(error));
    }
  }

  return {
    push: (bytes) => splitter.push(bytes).flatMap(readLine),
    end() {
      const records = splitter.end().flatMap(readLine);
      const more = unreadable - MAX_UNREADABLE;
      if (more <= 0) return records;
      const reason = `and ${more} more lines`;
      return [...records, { type: "unreadable", line: splitter.lines, excerpt: "", reason }];
    },
  };
}

function objectIn(line: string): object {
  const json: unknown = line.trimStart().startsWith("{") ? JSON.parse(line) : undefined;
  if (typeof json !== "object" || json === null) throw new Error("not a JSON object");
  return json;
}
