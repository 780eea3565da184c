import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AgentPlugin } from "../plugin.port.ts";
import { cut, damaged, type Random, seeded } from "./damage.ts";
import { wrongWith } from "./sendable.ts";
import { read, type Transcript } from "./transcripts.ts";

/** A plugin, or an output format, and what was recorded of programs that write it. */
export interface ParserSuite {
  readonly name: string;
  readonly parser: AgentPlugin["parser"];
  readonly transcripts: readonly Transcript[];
}

const SPLITS = 10;

/** What every reader of an agent's output does with whole outputs, however they come. */
export function parserContract({ name, parser, transcripts }: ParserSuite): void {
  describe(`the reader of ${name}`, () => {
    it("has transcripts to be tested with", () => expect(transcripts).not.toEqual([]));

    it.each(transcripts)("has no line of $name that it cannot read", (whole) => {
      const { records } = read(parser, whole);
      expect(records.filter(({ type }) => type === "unreadable")).toEqual([]);
      expect(wrongWith({ records, result: read(parser, whole).result })).toBeUndefined();
    });

    it.each(transcripts)("reads $name the same byte by byte, and however it is cut", (whole) => {
      const expected = read(parser, whole);
      const single = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(read(parser, whole, single)).toEqual(expected);
      const random = seeded(whole.stdout.length);
      for (let n = 0; n < SPLITS; n += 1) {
        expect(read(parser, whole, (bytes) => cut(bytes, 50, random))).toEqual(expected);
      }
    });
  });
}

/** What is read of each transcript, kept beside it: whoever changes a reader sees what changes. */
export function transcriptSnapshots({ name, parser, transcripts }: ParserSuite): void {
  describe(`the reader of ${name}`, () => {
    it.each(transcripts)("reads $name as it always did", async (whole) => {
      const text = `${JSON.stringify(read(parser, whole), null, 2)}\n`;
      await expect(text).toMatchFileSnapshot(join(whole.folder, "expected.json"));
    });
  });
}

/**
 * Damages outputs in as many ways as asked for, always the same for a seed: each is read without a
 * throw, all that is read can be sent, and it is the same however the output is cut.
 */
export function damageContract(
  { name, parser, transcripts }: ParserSuite,
  { mutations, seed }: { readonly mutations: number; readonly seed: number },
): void {
  const told = transcripts.filter(({ stdout }) => stdout.length > 0);

  function one(random: Random): string | undefined {
    const whole = told[Math.floor(random() * told.length)];
    if (whole === undefined) return "there is no transcript";
    const stdout = damaged(whole.stdout, random);
    const stderr = random() < 0.1 ? damaged(whole.stderr, random) : whole.stderr;
    const exit = random() < 0.1 ? { signal: "KILL" } : whole.exit;
    const output = { ...whole, stdout, stderr, exit };
    try {
      const all = read(parser, output);
      const wrong = wrongWith(all);
      if (wrong !== undefined) return wrong;
      const pieces = read(parser, output, (bytes) => cut(bytes, 4, random));
      return JSON.stringify(pieces) === JSON.stringify(all) ? undefined : "differs when it is cut";
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }

  it(`the reader of ${name} reads what ${mutations} damages leave of its transcripts`, () => {
    for (let n = 0; n < mutations; n += 1) {
      const wrong = one(seeded(seed + n));
      if (wrong !== undefined) expect.fail(`damage ${seed + n}: ${wrong}`);
    }
  });
}
