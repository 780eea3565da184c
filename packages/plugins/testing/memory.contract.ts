import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { OutputParser } from "../index.ts";
import { damaged, seeded } from "./damage.ts";
import type { ParserSuite } from "./parser.contract.ts";

const MIB = 1024 ** 2;
const PIECE = Buffer.alloc(64 * 1024, "x");
/** What a reader may hold: a line of 8 MiB, twice while its buffer grows, and its text. */
const MAX_HELD_BYTES = 40 * MIB;

const WAIT = { timeout: 30_000, interval: 20 };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

type Feed = (parser: OutputParser) => void;

/** Without an end, on a stream. */
const endlessLine =
  (stream: "stdout" | "stderr"): Feed =>
  (parser) => {
    for (let fed = 0; fed < 128 * MIB; fed += PIECE.byteLength) parser.push(stream, PIECE);
  };

/** All that the CLI may say, over and over, each time under other ids, now and then damaged. */
function endlessTalk({ transcripts }: ParserSuite): Feed {
  const outputs = transcripts.map(({ stdout }) => Buffer.from(stdout).toString("latin1"));
  return (parser) => {
    for (let round = 0; round < 2_000; round += 1) {
      const text = outputs[round % outputs.length] ?? "";
      const anew = Buffer.from(text.replaceAll(/[0-9a-f]{6,}/g, `${round}`), "latin1");
      parser.push("stdout", anew);
      if (round % 10 === 0) parser.push("stdout", damaged(anew, seeded(round)));
    }
  };
}

/** However much an agent says, and however odd it is, its reader holds no more than a line of it. */
export function memoryContract(suite: ParserSuite): void {
  const feeds: readonly (readonly [string, Feed])[] = [
    ["a line without an end", endlessLine("stdout")],
    ["stderr without an end", endlessLine("stderr")],
    ["talk without an end", endlessTalk(suite)],
  ];
  it.each(feeds)(`the reader of ${suite.name} does not grow with %s`, async (_, feed) => {
    const before = heldBytes();
    const parser = suite.parser();
    feed(parser);
    // What is no longer used is given back at some time after it was found to be.
    await expect.poll(() => heldBytes() - before, WAIT).toBeLessThan(MAX_HELD_BYTES);
    expect(parser.end({ exitCode: 0 }).records.length).toBeLessThanOrEqual(200);
  });
}
