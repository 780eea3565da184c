import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { z } from "zod";
import type { Strategy } from "../sdk.ts";
import { builtIn } from "./index.ts";
import { scoringParams } from "./scoring/params.ts";

const PAGE = new URL("../../../docs/built-in-strategies.md", import.meta.url);

/** Its parameters in the page, with what stands there as default; scoring's stand there once. */
function told(page: string, { name }: Strategy): ReadonlyMap<string, string | undefined> {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${name}\n`)) ?? "";
  const ticked = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
  return new Map(
    section.split("\n").flatMap((line) => {
      const [, names, defaults] = line.split("|");
      const values = ticked(defaults);
      return line.startsWith("| `") ? ticked(names).map((key, n) => [key, values[n]] as const) : [];
    }),
  );
}

it.each<[string, Strategy]>(builtIn.map((strategy) => [strategy.name, strategy]))(
  "the page on built-in strategies has each parameter of %s with its default",
  async (_, strategy) => {
    const page = told(await readFile(PAGE, "utf8"), strategy);
    const own = Object.entries(strategy.params.shape).filter(
      ([key]) => strategy.name !== "best-of-n" || !(key in scoringParams),
    );
    const known = own.map(([key, schema]) => {
      const given = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
      return [key, given === undefined ? undefined : JSON.stringify(given)] as const;
    });
    expect([...page].sort()).toEqual(known.sort());
  },
);
