import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { agentPackage, arrange } from "../../docker/agents/packages.mjs";

const context = resolve(import.meta.dirname, "../../docker/agents");
const versions = Object.entries(
  JSON.parse(readFileSync(join(context, "versions.json"), "utf8")) as Record<string, string>,
);

it.each(["x64", "arm64"])("each program has a package of its version for %s", (arch) => {
  for (const [name, version] of versions) {
    expect(agentPackage(name, version, arch).spec).toContain(version);
  }
});

it("each program has its layer in both ways to build the image", () => {
  const dockerfile = readFileSync(join(context, "Dockerfile"), "utf8");
  for (const [name] of versions) {
    expect(dockerfile).toContain(`COPY ${name} /usr/local/\n`);
    expect(dockerfile).toContain(`COPY --from=versions /${name} VERSION\n`);
    expect(dockerfile).toContain(`COPY --from=${name} /out /usr/local/\n`);
  }
});

it("a package is laid out as below /usr/local", () => {
  const dir = mkdtempSync(join(tmpdir(), "arrange-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "from/bundle"), { recursive: true });
  writeFileSync(join(dir, "from/package.json"), "{}");
  writeFileSync(join(dir, "from/bundle/gemini.js"), "gemini");
  arrange(agentPackage("gemini-cli", "1", "x64"), join(dir, "from"), join(dir, "to"));
  expect(readFileSync(join(dir, "to/bin/gemini"), "utf8")).toBe("gemini");
  expect(readdirSync(join(dir, "to/lib/gemini-cli")).sort()).toEqual(["bundle", "package.json"]);
});
