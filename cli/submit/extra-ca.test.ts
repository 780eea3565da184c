import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import type { Session } from "../session.ts";
import { extraCa } from "./extra-ca.ts";

const [ONE = "", OTHER = ""] = rootCertificates;
const KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";

async function read(content: string | undefined, path = "company.pem") {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-extra-ca-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  if (content !== undefined) await writeFile(join(dir, "company.pem"), content);
  const values = { "runner.extra_ca": path };
  return extraCa({ settings: { values }, host: { home: dir } } as unknown as Session, dir);
}

it("takes the certificates of a file, and nothing that stands beside them", async () => {
  expect(await read(`${KEY}${ONE}\nsome words\n${OTHER}\n`)).toBe(`${ONE}\n${OTHER}\n`);
  expect(await read(ONE, "~/company.pem")).toBe(`${ONE}\n`);
});

it.each([
  [undefined, "cannot be read: ENOENT"],
  [KEY, "holds no certificate in PEM form"],
  [`${ONE}\n${ONE.replace("MII", "AAA")}`, "holds a certificate that cannot be read, number 2"],
])("refuses a file that will not do", async (content, why) => {
  await expect(read(content)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(why),
  });
});
