import { describe, expect, it } from "vitest";
import type { AttemptSpec } from "../../ports/executor.port.ts";
import { attemptContainer, harvestContainer } from "./attempt-container.rules.ts";
import { naming } from "./names.ts";

const spec: AttemptSpec = {
  name: { runId: "run_20260101_000000_00000000", instanceId: "00112233aabbccdd", attempt: 2 },
  imageId: "sha256:1",
  workspace: {
    objectFormat: "sha1",
    commit: "c".repeat(40),
    branch: "main",
    includes: [],
    packs: ["p".repeat(64)],
    shallow: [],
    author: { name: "A B", email: "a@b" },
  },
  readOnly: false,
  argv: ["agent", "--prompt", "a 'b' $(c)\nd", "--"],
  env: { LANG: "C.UTF-8" },
  limits: {
    cpus: 8,
    memoryBytes: 1_000_000_000,
    pids: 200,
    openFiles: 4_096,
    fileBytes: 5_000_000,
    diskBytes: 1,
  },
  network: "online",
  openHostEndpoint: { host: "host.docker.internal", port: 8080 },
  forceCommit: true,
  killGraceMs: 2_500,
  harvestTimeoutMs: 60_000,
};
const surroundings = {
  naming: naming("r1"),
  wrapperVolume: "w",
  workOptions: {},
  engineCpus: 2,
  hasIpv6: true,
};
const made = attemptContainer(spec, surroundings);

describe("an attempt's container", () => {
  it("is hardened, whatever is asked", () => {
    expect(made.User).toBe("1000:1000");
    expect(made.HostConfig).toMatchObject({
      Init: true,
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      LogConfig: { Type: "none" },
      PidsLimit: 200,
      NanoCpus: 2e9,
      Memory: 1_000_000_000,
      MemorySwap: 1_000_000_000,
      Sysctls: { "net.ipv6.conf.all.disable_ipv6": "1" },
      Ulimits: [
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "nofile", Soft: 4_096, Hard: 4_096 },
        { Name: "fsize", Soft: 5_000_000, Hard: 5_000_000 },
      ],
    });
    for (const { Type } of made.HostConfig?.Mounts ?? []) expect(Type).toBe("volume");
    expect(made.HostConfig).not.toHaveProperty("CapAdd");
    expect(made.HostConfig).not.toHaveProperty("Binds");
  });

  it("takes the agent's arguments as they are, behind the wrapper's own", () => {
    const command = made.Cmd ?? [];
    expect(command.slice(command.indexOf("--") + 1)).toEqual(spec.argv);
    expect(command.slice(0, command.indexOf("--"))).toEqual([
      ...["--base", spec.workspace.commit, "--grace", "2.5", "--harvest-limit", "60"],
      ...["--author", "A B", "a@b", "--force-commit"],
    ]);
  });

  it("is labelled, and so are the volumes it brings", () => {
    expect(made.Labels).toMatchObject({
      "pitaya.runner": "r1",
      "pitaya.run": spec.name.runId,
      "pitaya.attempt": "2",
      "pitaya.endpoint": "host.docker.internal:8080",
    });
    for (const { VolumeOptions } of made.HostConfig?.Mounts ?? []) {
      expect(VolumeOptions?.Labels).toHaveProperty("pitaya.runner", "r1");
    }
  });

  it("has a second one for the harvest, without network and agent", () => {
    const again = harvestContainer(
      {
        Image: "sha256:1",
        Config: { User: made.User ?? "", Cmd: made.Cmd ?? [], Env: made.Env ?? [] },
        HostConfig: made.HostConfig ?? {},
      },
      { name: "x", labels: {} },
    );
    expect(again.Cmd?.at(-1)).toBe("--harvest-only");
    expect(again.Cmd).not.toContain("agent");
    expect(again.HostConfig).toMatchObject({
      NetworkMode: "none",
      CapDrop: ["ALL"],
      ReadonlyRootfs: true,
      Mounts: made.HostConfig?.Mounts,
    });
  });
});
