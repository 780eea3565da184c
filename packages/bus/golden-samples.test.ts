import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as protocol from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode, encode } from "./codec.ts";
import { schemaCoverage } from "./contract/schema-coverage.ts";

/**
 * The messages of version 1 as they were first written. A change that makes one of them read or
 * written otherwise breaks what is stored and what other versions say: it needs a new version.
 */
const dir = new URL("samples/", import.meta.resolve("@pitaya/protocol"));

/** What each kind of sample is. The longest beginning of its name counts. */
const kinds: Readonly<Record<string, z.ZodType>> = {
  "blob.manifest": protocol.BlobManifest,
  "command.start": protocol.StartCommand,
  command: protocol.ControlCommand,
  decision: protocol.DecisionMessage,
  fact: protocol.AttemptMessage,
  seal: protocol.AttemptMessage,
  "kv.coordinator": protocol.CoordinatorEntry,
  "kv.lease": protocol.CoordinatorLease,
  "kv.pin": protocol.Pin,
  "kv.checkpoint": protocol.FoldCheckpoint,
  "kv.run": protocol.RunProjection,
  "kv.runner": protocol.RunnerLiveness,
  "kv.runner-about": protocol.RunnerAbout,
  "kv.runner-inventory": protocol.RunnerInventory,
  note: protocol.NoteMessage,
  "output.bytes": protocol.OutputBytes,
  "output.records": protocol.OutputRecords,
  "secrets.bundle": protocol.SecretBundle,
  "secrets.sealed": protocol.SealedSecrets,
  ...Object.fromEntries(
    Object.entries(protocol.api).flatMap(([verb, { request, value }]) => [
      [`request.${verb}`, request],
      [`reply.${verb}`, protocol.reply(value)],
    ]),
  ),
};

const samples = readdirSync(fileURLToPath(dir))
  .map((file) => {
    const name = file.replace(/\.json$/, "");
    const kind = Object.keys(kinds)
      .filter((each) => name === each || name.startsWith(`${each}.`))
      .sort((a, b) => b.length - a.length)[0];
    const schema = kinds[kind ?? ""];
    if (kind === undefined || schema === undefined) throw new Error(`${file} is of no known kind`);
    const text = readFileSync(new URL(file, dir), "utf8");
    return { name, kind, schema, json: JSON.parse(text) as unknown };
  })
  .sort((a, b) => a.name.localeCompare(b.name));

describe("golden samples", () => {
  it.each(samples)("$name is read, and written as the same bytes", ({ schema, json }) => {
    const wire = Buffer.from(JSON.stringify(json));
    const message = decode(schema, wire, "The sample");
    expect(Buffer.from(encode(schema, message)).toString()).toBe(wire.toString());
  });

  it("have one for every kind, every variant, and every optional field with and without it", () => {
    const coverage = schemaCoverage();
    for (const { kind, schema, json } of samples) coverage.visit(schema, json, kind);
    expect(
      Object.keys(kinds).filter((kind) => !samples.some((each) => each.kind === kind)),
    ).toEqual([]);
    expect(coverage.missed()).toEqual([]);
  });

  it("know every message of the protocol", () => {
    const messages = Object.entries(protocol).filter(
      ([, schema]) => schema instanceof z.ZodObject && "v" in schema.shape,
    );
    const known = new Set<unknown>(
      Object.values(kinds).flatMap((kind) =>
        kind instanceof z.ZodDiscriminatedUnion ? [kind, ...kind.options] : [kind],
      ),
    );
    expect(messages.filter(([, schema]) => !known.has(schema)).map(([name]) => name)).toEqual([]);
  });

  it("of another version are refused as such, not as nonsense", () => {
    for (const { schema, json } of samples) {
      if (typeof json !== "object" || json === null || !("v" in json)) continue;
      const later = Buffer.from(JSON.stringify({ ...json, v: 2 }));
      expect(() => decode(schema, later, "The sample")).toThrow(
        expect.objectContaining({ code: "version_skew" }),
      );
    }
  });

  it("may carry fields that a later minor version added", () => {
    for (const { schema, json } of samples) {
      const more = Buffer.from(JSON.stringify({ ...(json as object), addedLater: { a: 1 } }));
      expect(decode(schema, more, "The sample")).toEqual(
        decode(schema, Buffer.from(JSON.stringify(json)), "The sample"),
      );
    }
  });
});
