import type { SecretBundle } from "@pitaya/protocol";
import { CurveKey, makeRunId, SealedSecrets } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { sealer } from "./sealing.ts";

const run = makeRunId(new Date(0), "00000001");
const bundle: SecretBundle = { v: 1, run, values: { ANTHROPIC_API_KEY: "sk-ant-canary" } };

describe("sealed credentials", () => {
  const [cli, coordinator, other] = [sealer(), sealer(), sealer()];
  const sealed = cli.seal(coordinator.publicKey, bundle);
  const refused = expect.objectContaining({ code: "credentials_refused" });

  it("are read by whom they are sealed to, and look as the protocol says", () => {
    expect(CurveKey.parse(cli.publicKey)).toBe(cli.publicKey);
    expect(SealedSecrets.parse(sealed)).toEqual(sealed);
    expect(coordinator.open(sealed, run)).toEqual(bundle);
  });

  it("show nothing of themselves", () => {
    expect(Buffer.from(sealed.box, "base64").toString("latin1")).not.toContain("canary");
    expect(cli.seal(coordinator.publicKey, bundle).box).not.toBe(sealed.box);
  });

  it("are not read by others", () => {
    expect(() => other.open(sealed, run)).toThrow(refused);
    expect(() => other.open({ ...sealed, to: other.publicKey }, run)).toThrow(refused);
  });

  it("are refused for another run", () => {
    expect(() => coordinator.open(sealed, makeRunId(new Date(0), "00000002"))).toThrow(refused);
  });

  it("are refused when they name another sender, or were altered", () => {
    expect(() => coordinator.open({ ...sealed, from: other.publicKey }, run)).toThrow(refused);
    const altered = Buffer.from(sealed.box, "base64");
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    const box = altered.toString("base64");
    expect(() => coordinator.open({ ...sealed, box }, run)).toThrow(refused);
    for (const broken of ["", "AAAA"]) {
      expect(() => coordinator.open({ ...sealed, box: broken }, run)).toThrow(refused);
    }
    expect(() => coordinator.open({ ...sealed, from: `X${"A".repeat(55)}` }, run)).toThrow(refused);
  });
});
