import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { refuse } from "./refusals.ts";

/**
 * Begins an answer with the status of another one, at once: those who wait for the first words are to
 * see that there will be some.
 *
 * @returns false where it is none that can be passed on; a refusal has been sent then
 */
export function beginAnswer(
  response: ServerResponse,
  { statusCode: status = 0 }: IncomingMessage,
  headers: OutgoingHttpHeaders,
): boolean {
  if (response.headersSent || response.destroyed) return false;
  if (status < 200 || status > 599) {
    refuse(response, 502, `It answered with status ${status}, which is none.`);
    return false;
  }
  try {
    response.writeHead(status, headers);
    response.flushHeaders();
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    refuse(response, 502, `Its answer has headers that cannot be passed on: ${why}`);
    return false;
  }
}
