import { PitayaError, PROTOCOL_VERSION } from "@pitaya/protocol";
import { z } from "zod";

/**
 * Turns a message into the bytes that travel. Its keys come out in the order of the schema, so the
 * same message is the same bytes, and a message that its own schema refuses never leaves.
 *
 * @throws `malformed_message`
 */
export function encode<S extends z.ZodType>(schema: S, value: z.input<S>): Uint8Array {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw malformed("A message about to be sent", parsed.error);
  return Buffer.from(JSON.stringify(parsed.data));
}

/**
 * Reads a message somebody else wrote. Keys the schema does not know are dropped; anything else that
 * does not fit refuses the whole message, so none is ever half-used.
 *
 * @param what names the message for people, such as `The start command`
 * @throws `malformed_message` saying where it is wrong, never what it held; `version_skew`
 */
export function decode<S extends z.ZodType>(
  schema: S,
  payload: Uint8Array,
  what: string,
): z.infer<S> {
  const json = readJson(payload, what);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = versionOf(json);
  if (version !== undefined && version !== PROTOCOL_VERSION) throw skewed(what, version);
  throw malformed(what, parsed.error);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function readJson(payload: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(utf8.decode(payload));
  } catch (cause) {
    throw new PitayaError("malformed_message", `${what} is not JSON in UTF-8.`, {
      cause,
      details: { bytes: payload.byteLength },
    });
  }
}

function versionOf(json: unknown): number | undefined {
  const found = z.object({ v: z.int() }).safeParse(json);
  return found.success ? found.data.v : undefined;
}

const skewed = (what: string, version: number) =>
  new PitayaError(
    "version_skew",
    `${what} is of protocol version ${version}; this Pitaya speaks version ${PROTOCOL_VERSION}.`,
    {
      hint: "Install the same version of Pitaya on both sides.",
      details: { theirs: version, ours: PROTOCOL_VERSION },
    },
  );

/** Issues of zod tell where and what was expected. Received values stay out: they may be secrets. */
function malformed(what: string, error: z.ZodError): PitayaError {
  const issues = error.issues.slice(0, 5).map((issue) => ({
    path: issue.path.map(String).join("."),
    problem: issue.message,
  }));
  const said = issues.map(({ path, problem }) => `${path === "" ? "it" : path}: ${problem}`);
  return new PitayaError("malformed_message", `${what} is malformed: ${said.join("; ")}.`, {
    details: { issues },
  });
}
