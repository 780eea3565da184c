import { join } from "node:path";
import { expect, test } from "vitest";
import { settingsJsonSchema } from "./json-schema.ts";
import { referencePage } from "./reference-page.ts";

const DOCS = join(import.meta.dirname, "../../docs");

// `vitest run -u` on this file makes both anew.
test("the JSON Schema for editors is current", async () => {
  const text = `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("pitaya.schema.json");
});

test("the reference page is current", async () => {
  await expect(referencePage()).toMatchFileSnapshot(join(DOCS, "configuration.md"));
});
