import { Interrupted } from "./failures.ts";
import type { Link } from "./link.ts";
import { REQUEST_TIMEOUT_MS, untilAnswered } from "./patience.ts";
import { type FoundMessage, fromDirect } from "./stored-message.ts";

/** How long a replica may stay behind what is known to be stored, or a server be away. */
const PATIENCE_MS = 10_000;

/**
 * Last message of a subject, by the direct get that permissions can be written for. Any replica
 * answers, so it is asked again until what it says is as new as `atLeast`.
 *
 * @throws `bus_unavailable`
 */
export function findLast(
  link: Link,
  stream: string,
  subject: string,
  options: { readonly atLeast?: number; readonly signal?: AbortSignal } = {},
): Promise<FoundMessage | undefined> {
  const { atLeast = 0, signal } = options;
  const patience = {
    doing: `read ${subject}`,
    forMs: PATIENCE_MS,
    ...(signal === undefined ? {} : { signal }),
  };
  const api = `${link.apiPrefix}.DIRECT.GET.${stream}.${subject}`;
  return untilAnswered(link, patience, async () => {
    const answer = await link.nc.request(api, "", { timeout: REQUEST_TIMEOUT_MS });
    const code = answer.headers?.code ?? 0;
    if (code !== 0 && code !== 404) {
      throw new Interrupted(`the server said ${code} ${answer.headers?.description}`);
    }
    const found = code === 404 ? undefined : fromDirect(answer);
    if ((found?.sequence ?? 0) < atLeast) {
      throw new Interrupted(`message ${atLeast} does not show yet`);
    }
    return found;
  });
}
