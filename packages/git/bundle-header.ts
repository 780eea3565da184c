import { rejected } from "./rejection.ts";
import type { ObjectFormat } from "./scratch-repository.ts";

/** The one ref in a bundle of ours. The name means nothing; the commit it stands at does. */
export const BUNDLE_REF = "refs/pitaya/base";

export interface BundleHeader {
  readonly objectFormat: ObjectFormat;
  /** Commits the receiver must have. */
  readonly prerequisites: readonly string[];
  readonly refs: readonly { readonly name: string; readonly id: string }[];
  /** Where the pack begins. */
  readonly packOffset: number;
}

/** A header of ours is a few hundred bytes; beyond this it is somebody's attempt at something. */
export const MAX_HEADER_BYTES = 256 * 1024;

const hexDigits = (format: ObjectFormat) => (format === "sha1" ? 40 : 64);

export const isObjectId = (text: string, format: ObjectFormat): boolean =>
  text.length === hexDigits(format) && /^[0-9a-f]+$/.test(text);

/**
 * Reads the header of a git bundle, versions 2 and 3, from its first bytes.
 *
 * Ref names are given as they stand there, decoded as Latin-1 so that every byte is kept.
 *
 * @throws {PitayaError} `bundle_rejected` for anything else, a filtered (partial) bundle included
 */
export function parseBundleHeader(start: Buffer): BundleHeader {
  const end = start.subarray(0, MAX_HEADER_BYTES).indexOf("\n\n");
  if (end < 0) throw rejected("not_a_bundle", "it has no bundle header");
  const [signature, ...lines] = start.toString("latin1", 0, end).split("\n");
  if (signature !== "# v2 git bundle" && signature !== "# v3 git bundle") {
    throw rejected("not_a_bundle", "it is not a git bundle of version 2 or 3");
  }
  let objectFormat: ObjectFormat = "sha1";
  const prerequisites: string[] = [];
  const refs: { name: string; id: string }[] = [];
  for (const line of lines) {
    if (line.startsWith("@")) {
      if (signature === "# v2 git bundle" || prerequisites.length + refs.length > 0) {
        throw rejected("not_a_bundle", "its header has a capability out of place");
      }
      if (line === "@object-format=sha1") objectFormat = "sha1";
      else if (line === "@object-format=sha256") objectFormat = "sha256";
      else if (line.startsWith("@filter=")) {
        throw rejected("partial", "it leaves objects out by a filter");
      } else throw rejected("not_a_bundle", "its header has an unknown capability");
      continue;
    }
    const digits = hexDigits(objectFormat);
    const isPrerequisite = line.startsWith("-");
    const rest = isPrerequisite ? line.slice(1) : line;
    const id = rest.slice(0, digits);
    const after = rest.slice(digits);
    if (!isObjectId(id, objectFormat) || (after !== "" && !after.startsWith(" "))) {
      throw rejected("not_a_bundle", "its header has a line without an object id");
    }
    if (isPrerequisite) prerequisites.push(id);
    else if (after.length > 1) refs.push({ name: after.slice(1), id });
    else throw rejected("not_a_bundle", "its header has a ref without a name");
  }
  return { objectFormat, prerequisites, refs, packOffset: end + 2 };
}

/** The header of a bundle of ours. Version 2 where it can be: older tools read it. */
export function formatBundleHeader(header: {
  readonly objectFormat: ObjectFormat;
  readonly prerequisites: readonly string[];
  readonly tip: string;
}): string {
  const first =
    header.objectFormat === "sha1"
      ? "# v2 git bundle\n"
      : "# v3 git bundle\n@object-format=sha256\n";
  const needs = header.prerequisites.map((id) => `-${id}\n`).join("");
  return `${first}${needs}${header.tip} ${BUNDLE_REF}\n\n`;
}
