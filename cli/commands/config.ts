import { PitayaError } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { table } from "../output/table.rules.ts";
import type { Session } from "../session.ts";
import { type ConfigRow, configRows } from "../settings/config-rows.ts";
import { shownSetting } from "../settings/shown-setting.rules.ts";

/** `pitaya config print`: what a run would really use, each value with its source. */
export const command: CommandMain = async (session) => {
  if (session.args[0] !== "print") {
    throw new PitayaError("usage", `there is no \`pitaya config ${session.args[0]}\``, {
      hint: "`pitaya config print` shows the settings a run would use.",
    });
  }
  const rows = await configRows(session);
  if (session.has("json")) await session.console.result(JSON.stringify(document(rows), null, 2));
  else await printTable(session, rows);
  return 0;
};

const document = (rows: readonly ConfigRow[]) =>
  Object.fromEntries(
    rows.map(({ key, value, source, as, file, line, refused }) => [
      key,
      {
        ...{ value: value ?? null, source },
        ...(as !== undefined && { as }),
        ...(file !== undefined && { file }),
        ...(line !== undefined && { line }),
        ...(refused !== undefined && { refused }),
      },
    ]),
  );

async function printTable({ console }: Session, rows: readonly ConfigRow[]): Promise<void> {
  const shown = rows.map(({ key, value, source, as, file, line }) => {
    const place = file === undefined ? as : `${file}${line === undefined ? "" : `:${line}`}`;
    return [key, shownSetting(key, value), place === undefined ? source : `${source} (${place})`];
  });
  await console.result(table(["setting", "value", "source"], shown));
  for (const { key, refused } of rows) {
    if (refused !== undefined) await console.warn(`${key} does not hold: ${refused}`);
  }
}
