import type { HostConfig } from "dockerode";

/** What holds for every container of ours: no capability, no new ones, nothing written but mounts. */
export function hardened(): HostConfig {
  return {
    Init: true,
    ReadonlyRootfs: true,
    NetworkMode: "none",
    LogConfig: { Type: "none", Config: {} },
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
    PidsLimit: 256,
  };
}
