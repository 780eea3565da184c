import type { OutgoingHttpHeaders } from "node:http";
import { type Asked, passedOn } from "./passed-on.rules.ts";
import type { Key } from "./placeholders.ts";

/** Names that carry a credential, of headers and parameters: words of theirs, whatever is between them. */
const CREDENTIAL_WORDS =
  /^(auth|authorization|bearer|cookie|credentials?|jwt|key|passw(or)?d|pat|secret|sig|signature|token)$/;
/** The same without anything between the words: `accesstoken`. */
const GLUED_WORDS =
  /^(access|api|auth|client|id|oauth\d?|private|refresh|secret|security|session|subscription)(key|secret|token)$/;
/** What a request says to be in place of what it is: another path, host or method. */
const PRETENCE =
  /^(forwarded|x-forwarded-.*|x-original-.*|x-rewrite-.*|x-http-method.*|x-method-.*)$/;

/** `x-api-key` and `apiKey` have the words `x`, `api`, `key`. */
const wordsOf = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** `pageToken` says which part of a list is asked for, `idempotency-key` which call it is. */
const NO_CREDENTIAL = /^(page|next|continuation|cursor|idempotency)$/;

function isCredential(name: string): boolean {
  const words = wordsOf(name);
  return (
    words.some((word) => CREDENTIAL_WORDS.test(word) || GLUED_WORDS.test(word)) &&
    !words.some((word) => NO_CREDENTIAL.test(word))
  );
}

/** `Bearer x`, or the key alone: nothing else beside the placeholder, or it may be a key of another's. */
function keyIn(value: string, keys: readonly Key[]): string | undefined {
  const [, scheme = "", given] = /^([A-Za-z]+ +)?(\S+)$/.exec(value.trim()) ?? [];
  const found = keys.find(({ placeholder }) => placeholder === given);
  return found && `${scheme}${found.value}`;
}

/**
 * The headers of a call, with the key where its placeholder stood. A key that the agent brings
 * itself is left out: what it sends is to arrive at the user's account, and at no other's.
 */
export function callHeaders(asked: Asked, keys: readonly Key[]): OutgoingHttpHeaders {
  const { host: _, ...kept } = passedOn(asked);
  const call: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(kept)) {
    if (PRETENCE.test(name)) continue;
    const put = isCredential(name) ? keyIn(String(value), keys) : value;
    if (put !== undefined) call[name] = put;
  }
  // Its answer is read here as well.
  return { ...call, "accept-encoding": "identity" };
}

/**
 * Where a call goes: `path` below the provider's address, with the key in place of its placeholder.
 * Undefined where it would lead out of that.
 */
export function callUrl(base: string, path: string, keys: readonly Key[]): URL | undefined {
  const root = new URL(base);
  const prefix = root.pathname.replace(/\/+$/, "");
  const [, own = "", query = ""] = /^([^?]*)\??(.*)$/s.exec(path) ?? [];
  const url = new URL(root);
  url.pathname = `${prefix}/${own.replace(/^\/+/, "")}`;
  if (url.pathname !== prefix && !url.pathname.startsWith(`${prefix}/`)) return undefined;
  if (climbs(own)) return undefined;
  const asked = query
    .replace(/[^&;]+/g, (part) => parameter(part, keys))
    .replace(/^[&;]+|[&;]+(?=[&;]|$)/g, "");
  // An address may have parameters of its own, such as a version.
  url.search = [root.search.slice(1), asked].filter((part) => part !== "").join("&");
  return url;
}

/** Some servers read an escaped `..` or `/` as if it were none, and some do so twice. */
function climbs(path: string): boolean {
  const once = decoded(path);
  const twice = once === undefined ? undefined : decoded(once);
  if (twice === undefined) return true;
  return [path, once, twice].some((text) => /(^|[/\\])\.\.?([/\\;]|$)/.test(text ?? ""));
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    return undefined;
  }
}

/** A parameter as it is; a key's with the key; empty where it is a key of the agent's own. */
function parameter(part: string, keys: readonly Key[]): string {
  const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(part.replaceAll("+", " ")) ?? [];
  if (!isCredential(decoded(decoded(name) ?? "") ?? "key")) return part;
  const key = keyIn(decoded(value) ?? "", keys);
  return key === undefined ? "" : `${part.slice(0, part.indexOf("="))}=${encodeURIComponent(key)}`;
}
