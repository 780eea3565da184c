import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { makePrivateDirectory, readJson, writePrivateJson } from "./private-files.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-files-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;
const refusal = (path: string) => {
  try {
    makePrivateDirectory(path, "ours");
  } catch (error) {
    return error;
  }
  return "made";
};

describe("a private directory", () => {
  it("is made for the user alone, whatever the umask allows", () => {
    const before = process.umask(0);
    try {
      makePrivateDirectory(join(dir, "new/deeper"), "ours");
    } finally {
      process.umask(before);
    }
    expect(modeOf(join(dir, "new/deeper"))).toBe(0o700);
  });

  it("is made private again when it is empty or the stack's own", () => {
    for (const name of ["empty", "used"]) {
      mkdirSync(join(dir, name));
      chmodSync(join(dir, name), 0o755);
    }
    writeFileSync(join(dir, "used/ours"), "");
    makePrivateDirectory(join(dir, "empty"), "ours");
    makePrivateDirectory(join(dir, "used"), "ours");
    expect([modeOf(join(dir, "empty")), modeOf(join(dir, "used"))]).toEqual([0o700, 0o700]);
  });

  it("is refused and left as it is when it serves another purpose", () => {
    mkdirSync(join(dir, "home"));
    chmodSync(join(dir, "home"), 0o755);
    writeFileSync(join(dir, "home/notes.txt"), "");
    expect(refusal(join(dir, "home"))).toMatchObject({ code: "stack_failed" });
    expect(modeOf(join(dir, "home"))).toBe(0o755);
  });

  it("is refused when it is a file, a link, or below a file", () => {
    writeFileSync(join(dir, "file"), "");
    mkdirSync(join(dir, "target"));
    symlinkSync(join(dir, "target"), join(dir, "link"));
    for (const name of ["file", "link", "file/below"]) {
      expect(refusal(join(dir, name)), name).toMatchObject({ code: "stack_failed" });
    }
  });
});

describe("a record", () => {
  const schema = z.object({ port: z.int() });

  it("is read as it was written, by the user alone", () => {
    const path = join(dir, "record.json");
    writePrivateJson(path, { port: 4 });
    expect(readJson(path, schema)).toEqual({ port: 4 });
    expect(modeOf(path)).toBe(0o600);
  });

  it.each([
    ["", "empty"],
    ["{", "cut off"],
    ["null", "null"],
    ['{"port":"x"}', "of another shape"],
    ["\u0000\u0001", "binary"],
  ])("is unreadable when it is %j (%s), and no error", (content) => {
    const path = join(dir, "record.json");
    writeFileSync(path, content);
    expect(readJson(path, schema)).toBe("unreadable");
  });

  it("is told from one that is not there", () => {
    expect(readJson(join(dir, "none.json"), schema)).toBeUndefined();
  });
});
