import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";

/** One older file is kept beside a log, so a log takes at most about twice this. */
const MAX_LOG_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 4_096;
const TAIL_LINES = 16;

export interface OpenLog {
  readonly path: string;
  /** For a child's stdio. The caller closes it. */
  readonly fd: number;
  /** Where what is written from now on begins. */
  readonly fromByte: number;
}

/** Opens a log to append to; a long one of earlier starts is put aside first. */
export function openLog(path: string): OpenLog {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) {
    renameSync(path, `${path}.1`);
  }
  const fd = openSync(path, "a", 0o600);
  return { path, fd, fromByte: fstatSync(fd).size };
}

/** The last lines written since the log was opened. */
export function tailOf({ path, fromByte }: Pick<OpenLog, "path" | "fromByte">): readonly string[] {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(fromByte, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const length = readSync(fd, buffer, 0, buffer.length, start);
    const lines = buffer.toString("utf8", 0, length).split("\n");
    return lines.filter((line) => line.trim() !== "").slice(-TAIL_LINES);
  } finally {
    closeSync(fd);
  }
}
