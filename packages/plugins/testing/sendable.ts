import { ErrorCode } from "@pitaya/protocol";
import type { Read } from "./transcripts.ts";

const isFigure = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** What is wrong with a record of an agent's, if anything is: it could not be sent, or not be kept. */
function wrongRecord(record: Read["records"][number]): string | undefined {
  switch (record.type) {
    case "message":
      return record.text.length > 4_000 ? "a message of over 4,000 characters" : undefined;
    case "tool_call":
    case "tool_result":
      return record.summary.length > 500 ? "a summary of over 500 characters" : undefined;
    case "usage":
      return Object.values(record.usage).every(isFigure) ? undefined : "a strange usage";
    case "retry":
      return isFigure(record.attempt) && record.delayMs >= 0 ? undefined : "a strange retry";
    case "unreadable":
      if (record.line < 1 && record.excerpt !== "") return "an unreadable line before the first";
      return record.excerpt.length > 200 || record.reason === "" ? "a strange excerpt" : undefined;
    case "session":
    case "final":
      return undefined;
  }
}

function wrongResult({ usage, costUsd, turns, failure, output }: Read["result"]) {
  if (usage && !Object.values(usage).every(isFigure)) return "a strange usage";
  if (costUsd !== undefined && !(costUsd >= 0 && costUsd < Infinity)) return "a strange cost";
  if (turns !== undefined && !isFigure(turns)) return "a strange number of turns";
  if (output !== undefined) JSON.parse(output);
  if (failure === undefined) return undefined;
  const { code, message, retryAfterMs } = failure;
  if (!ErrorCode.options.includes(code)) return `an unknown code ${code}`;
  if (message === "" || message.length > 4_000) return "a failure without a message";
  if (!message.isWellFormed()) return "a message with half a character";
  return retryAfterMs === undefined || retryAfterMs >= 0 ? undefined : "a wait in the past";
}

/** What is wrong with all that was read of an output, if anything is. */
export function wrongWith({ records, result }: Read): string | undefined {
  if (records.filter(({ type }) => type === "unreadable").length > 101) return "too many reports";
  for (const record of records) {
    const wrong = wrongRecord(record);
    if (wrong !== undefined) return `${wrong}: ${JSON.stringify(record).slice(0, 300)}`;
  }
  return wrongResult(result);
}
