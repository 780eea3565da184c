import type { GcReport } from "@pitaya/protocol";
import { printable } from "../output/printable.rules.ts";
import { table } from "../output/table.rules.ts";

type Place = GcReport["places"][number];

const nameOf = ({ runner }: Place) => (runner === undefined ? "store" : `runner ${runner}`);

export const totalOf = ({ places }: GcReport) => ({
  count: places.reduce((sum, place) => sum + place.count, 0),
  removed: places.reduce((sum, place) => sum + place.removed, 0),
});

/** What was found, by place, and what became of it. */
export function gcText(report: GcReport, remove: boolean): string {
  const { count, removed } = totalOf(report);
  const unknown =
    report.silent.length === 0 ? "" : `\nincomplete: not looked at: ${silentNames(report.silent)}`;
  const looked = `looked at: ${report.places.map(nameOf).join(", ")}${unknown}`;
  if (count === 0) return `${looked}\neverything that was looked at has an owner`;
  const rows = report.places.flatMap((place) =>
    place.ownerless.map(({ kind, name, bytes, reason }) => [
      nameOf(place),
      kind,
      printable(name),
      bytes === undefined ? "" : `${bytes} B`,
      printable(reason),
    ]),
  );
  const hidden = count - rows.length;
  return [
    table(["PLACE", "KIND", "NAME", "SIZE", "WHY"], rows).trimEnd(),
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
    looked,
    remove ? `removed ${removed} of ${count}` : `${count} without an owner; pitaya gc removes them`,
  ].join("\n");
}

const silentNames = (silent: readonly string[]) => silent.map((id) => `runner ${id}`).join(", ");

export const silentText = (silent: readonly string[]): string =>
  `no answer from ${silent.join(", ")}: what is on ${silent.length === 1 ? "its host" : "their hosts"} is not known`;
