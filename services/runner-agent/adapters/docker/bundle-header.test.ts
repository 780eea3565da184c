import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBundleHeader } from "./bundle-header.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "bundle-header-"));
});
afterAll(() => rm(dir, { recursive: true }));

const header = async (content: string) => {
  const path = join(dir, "bundle");
  await writeFile(path, content);
  return readBundleHeader(path);
};

describe("the header of a bundle", () => {
  it("ends at the first empty line, however long it is", async () => {
    const plain = `# v2 git bundle\n${"a".repeat(40)} refs/heads/main\n\n`;
    expect(await header(`${plain}PACK\n\n`)).toEqual({
      objectFormat: "sha1",
      packOffset: plain.length,
    });
    const long = `# v3 git bundle\n@object-format=sha256\n${`-${"b".repeat(64)} x\n`.repeat(5_000)}\n`;
    expect(await header(`${long}PACK`)).toEqual({
      objectFormat: "sha256",
      packOffset: long.length,
    });
  });

  it.each(["", "PACK\n\n", "# v9 git bundle\n\nPACK", "# v2 git bundle\n"])(
    "is missing in %j",
    async (content) => {
      await expect(header(content)).rejects.toMatchObject({ code: "blob_corrupt" });
    },
  );
});
