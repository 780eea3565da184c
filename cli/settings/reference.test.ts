import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readYamlSettings } from "./from-yaml.rules.ts";
import { settingsJsonSchema } from "./json-schema.ts";
import { referencePage } from "./reference-page.ts";
import { resolveSettings } from "./resolve.rules.ts";

const DOCS = join(import.meta.dirname, "../../docs");

// `vitest run -u` on this file makes both anew.
test("the JSON Schema for editors is current", async () => {
  const text = `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("pitaya.schema.json");
});

test.each(["docs/configuration.md", "README.md"])(
  "every YAML example of %s is understood",
  (page) => {
    const text = readFileSync(join(DOCS, "..", page), "utf8");
    const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
      ([, example = ""]) => example,
    );
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const { values, warnings } = readYamlSettings(example, page);
      expect(warnings).toEqual([]);
      expect(() => resolveSettings([{ source: "project", values }])).not.toThrow();
    }
  },
);

test("the reference page is current", async () => {
  await expect(referencePage()).toMatchFileSnapshot(join(DOCS, "configuration.md"));
});
