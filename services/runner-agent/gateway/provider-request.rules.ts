import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";

/** Of one connection only, and so never passed on. */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
];

/** Where providers look for keys. */
const KEY_HEADERS = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
const KEY_PARAMETERS = ["key", "api_key", "api-key"];

export interface Key {
  readonly placeholder: string;
  readonly value: string;
}

/** Headers without those of the connection. */
export function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? "").toLowerCase().split(/[\s,]+/);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) && !named.includes(name)),
  );
}

/**
 * The headers of a call, with the key where its placeholder stood. A key that the agent brings
 * itself is left out: what it sends is to arrive at the user's account, and at no other's.
 */
export function callHeaders(
  headers: IncomingHttpHeaders,
  keys: readonly Key[],
): OutgoingHttpHeaders {
  const { host: _, ...kept } = passedOn(headers);
  const call: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(kept)) {
    const isOwnKey = KEY_HEADERS.includes(name) && !holds(value, keys);
    if (!isOwnKey) call[name] = substituted(value, keys);
  }
  // Its answer is read here as well.
  return { ...call, "accept-encoding": "identity" };
}

type Value = OutgoingHttpHeaders[string];

const holds = (value: Value, keys: readonly Key[]): boolean =>
  keys.some(({ placeholder }) => [value].flat().some((one) => String(one).includes(placeholder)));

function substituted(value: Value, keys: readonly Key[]): Value {
  const put = (text: string) =>
    keys.reduce((so, { placeholder, value }) => so.replaceAll(placeholder, () => value), text);
  return Array.isArray(value) ? value.map(put) : put(String(value));
}

/** An answer with each key taken back: providers repeat what they refuse. */
export const withoutKeys = (text: string, keys: readonly Key[]): string =>
  keys.reduce((so, { placeholder, value }) => so.replaceAll(value, () => placeholder), text);

/**
 * Where a call goes: `path` below the provider's address, with the key in place of its placeholder.
 * Undefined where it would lead out of that.
 */
export function callUrl(base: string, path: string, keys: readonly Key[]): URL | undefined {
  const root = new URL(base);
  const prefix = root.pathname.replace(/\/+$/, "");
  const [own = "", query] = path.split("?", 2);
  const url = new URL(root);
  url.pathname = `${prefix}/${own.replace(/^\/+/, "")}`;
  if (url.pathname !== prefix && !url.pathname.startsWith(`${prefix}/`)) return undefined;
  if (/%2e|%5c/i.test(own)) return undefined;
  const asked = new URLSearchParams(query ?? "");
  for (const [name, value] of asked) {
    if (!KEY_PARAMETERS.includes(name.toLowerCase())) continue;
    if (holds(value, keys)) asked.set(name, String(substituted(value, keys)));
    else asked.delete(name);
  }
  for (const [name, value] of asked) url.searchParams.append(name, value);
  return url;
}
