import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";

let lab: EngineLab;

beforeAll(async () => {
  lab = await engineLab({ workspaces: "copy" });
});
afterAll(async () => {
  expect(await lab?.close()).toEqual([]);
});

it("a workspace that finds no room is disk_full, leaves nothing, and can be made when there is", async () => {
  await lab.source.write("large.bin", randomBytes(2 * 1024 ** 2));
  lab.source.commit("large");
  const { pack, path, tip } = await lab.source.bundle("main");
  await lab.executor.storePack(pack, path);
  const workspace = lab.workspace({ commit: tip, packs: [pack.sha256] });
  const spec = lab.attempt("git fsck && git status --porcelain", { workspace });
  // The engine takes the volume that is there: one with less room than the checkout.
  await lab.engine.createVolume({
    Name: lab.naming.volumes(spec.name).work,
    Labels: lab.naming.labels("volume", spec.name),
    DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m" },
  });
  await expect(lab.executor.prepare(spec)).rejects.toMatchObject({
    code: "disk_full",
    retryable: true,
  });
  await lab.executor.remove(spec.name);
  const ran = await lab.run(spec);
  expect(ran.exit).toMatchObject({ exitCode: 0 });
  expect(ran.stdout.toString()).toBe("");
  await lab.executor.remove(spec.name);
});
