import { OutputBytes, outputHeaders } from "@pitaya/protocol";

/** Of a message whose body is `OutputRecords`. */
export const RECORDS_HEADERS: Readonly<Record<string, string>> = {
  [outputHeaders.kind]: "records",
};

const NAMES = Object.keys(outputHeaders) as readonly (keyof typeof outputHeaders)[];

export const headersOf = (head: OutputBytes): Readonly<Record<string, string>> =>
  Object.fromEntries(NAMES.map((name) => [outputHeaders[name], String(head[name])]));

const number = (text: string | undefined) =>
  text && /^\d+$/.test(text) ? Number(text) : undefined;
const flag = (text: string | undefined) => (text === undefined ? undefined : text === "true");

/** @returns `undefined` for a message that is not of bytes, or cannot be read */
export function readHeaders(headers: Readonly<Record<string, string>>): OutputBytes | undefined {
  const of = (name: keyof typeof outputHeaders) => headers[outputHeaders[name]];
  const head = OutputBytes.safeParse({
    kind: of("kind"),
    stream: of("stream"),
    offset: number(of("offset")),
    nextStdout: number(of("nextStdout")),
    nextStderr: number(of("nextStderr")),
    beginsLine: flag(of("beginsLine")),
    endsLine: flag(of("endsLine")),
  });
  return head.success ? head.data : undefined;
}
