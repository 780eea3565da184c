import { shortInstanceId } from "@pitaya/protocol";
import {
  type Activity,
  type InstanceView,
  instanceStatusOf,
  isUncommitted,
  type RunView,
  spendOf,
  statusOf,
} from "@pitaya/views";
import { costText, countText, durationText } from "../amounts.rules.ts";
import { printable } from "../printable.rules.ts";

export interface FrameInput {
  readonly view: RunView;
  readonly activities: ReadonlyMap<string, Activity>;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  /** What Ctrl-C does, in a few words. */
  readonly footer: string;
}

/** Rows of instances at most, on however tall a terminal. */
const MOST_INSTANCES = 20;

/** The lines of the live view: never taller than the terminal, never wider. */
export function frameOf(input: FrameInput): readonly string[] {
  const { view, activities, now, columns, rows, footer } = input;
  const room = Math.max(1, Math.min(MOST_INSTANCES, rows - 4));
  const sorted = [...view.instances.values()].sort((a, b) => rank(a) - rank(b));
  const shown = sorted.slice(0, room);
  const hidden = sorted.length - shown.length;
  const lines = [
    headline(view, now),
    ...shown.map((row) => instanceLine(row, activities.get(row.instance), now)),
    ...(hidden > 0 ? [`  … and ${hidden} more`] : []),
    footer,
  ];
  return lines.slice(0, Math.max(1, rows - 1)).map((line) => cutToWidth(line, columns - 1));
}

function headline(view: RunView, now: number): string {
  const rows = [...view.instances.values()];
  const spend = spendOf(rows);
  const states = Map.groupBy(rows, (row) => instanceStatusOf(row.state));
  const counts = [...states].map(([state, of]) => `${of.length} ${state}`).join(", ");
  const elapsed =
    view.submittedAt === undefined ? 0 : ((view.finishedAt ?? now) - view.submittedAt) / 1000;
  const parts = [
    view.spec?.run ?? "",
    view.stopping === "interrupt" ? "interrupting" : statusOf(view.phase),
    durationText(elapsed),
    ...(counts === "" ? [] : [counts]),
    costText(spend.costUsd, spend.costUnknown),
    `${countText(spend.inputTokens + spend.outputTokens)} tokens`,
  ];
  return parts.join("  ");
}

/** Needs attention, running, queued, done. */
function rank({ state }: InstanceView): number {
  switch (state) {
    case "waitingForCredentials":
    case "backingOff":
    case "failed":
      return 0;
    case "queued":
      return 2;
    case "succeeded":
    case "cancelled":
    case "interrupted":
      return 3;
    default:
      return 1;
  }
}

function instanceLine(row: InstanceView, activity: Activity | undefined, now: number): string {
  const since = row.attempts.at(-1)?.placedAt ?? row.scheduledAt;
  const seconds = ((row.finishedAt ?? now) - since) / 1000;
  const state = isUncommitted(row) ? "succeeded, uncommitted" : words(row.state);
  return `  ${shortInstanceId(row.instance)}  ${state.padEnd(12)}  ${durationText(seconds).padStart(6)}  ${detail(row, activity, now)}`;
}

/** `waitingForCredentials` as words. */
const words = (state: string) => state.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function detail(row: InstanceView, activity: Activity | undefined, now: number): string {
  if (row.state === "succeeded")
    return printable(row.imported?.ref.replace(/^refs\/heads\//, "") ?? row.branch ?? "");
  if (row.state === "failed" || row.state === "backingOff") {
    const wait =
      row.dueAt === undefined ? "" : `again in ${durationText((row.dueAt - now) / 1000)}: `;
    return `${row.state === "backingOff" ? wait : ""}${row.error?.code ?? ""}: ${printable(row.error?.message ?? "")}`;
  }
  return activity === undefined ? "" : printable(activity.text);
}

/** Cut to so many columns; wide characters take two. */
export function cutToWidth(text: string, columns: number): string {
  let width = 0;
  let cut = "";
  for (const character of text) {
    width += isWide(character) ? 2 : 1;
    if (width > columns) return cut;
    cut += character;
  }
  return cut;
}

const isWide = (character: string): boolean =>
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
    character,
  );
