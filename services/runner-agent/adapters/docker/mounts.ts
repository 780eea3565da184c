import type { MountSettings } from "dockerode";
import type { Labels } from "./names.ts";

/** A mount of a volume, which the engine makes, labelled, if it is not there. */
export function volumeMount(mount: {
  readonly volume: string;
  readonly at: string;
  readonly labels: Labels;
  readonly readOnly?: boolean;
  readonly options?: Readonly<Record<string, string>>;
}): MountSettings {
  return {
    Type: "volume",
    Source: mount.volume,
    Target: mount.at,
    ReadOnly: mount.readOnly ?? false,
    VolumeOptions: {
      NoCopy: true,
      Labels: mount.labels,
      // The type asks for both; the engine takes its own driver when none is named.
      DriverConfig: { Name: "local", Options: { ...mount.options } },
    },
  };
}

/** Options of a volume that shows `lower` with changes kept in `upper`, all paths of the engine's host. */
export const overlayOptions = (lower: string, upper: string, work: string) => ({
  type: "overlay",
  device: "overlay",
  o: `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
});
