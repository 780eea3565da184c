import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
} from "node:http";

/** Of one connection only, and so never passed on. */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "expect", "http2-settings"],
];

export type Asked = Pick<IncomingMessage, "headers" | "method">;

/** `TRACE` would send the key back, and others are no calls of an interface. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const WITH_BODY = ["POST", "PUT", "PATCH"];

export const isPassed = ({ method = "" }: Asked): boolean => METHODS.includes(method);

/**
 * A request's headers without those of the connection, and with the length of what follows as it was
 * read here: a body without one would be read as the next request of the same connection, which
 * nobody has looked at.
 */
export function passedOn({ headers, method = "" }: Asked): OutgoingHttpHeaders {
  const { "content-length": length, ...kept } = withoutHops(headers, ["content-length"]);
  if (headers["transfer-encoding"] !== undefined)
    return { ...kept, "transfer-encoding": "chunked" };
  if (length !== undefined) return { ...kept, "content-length": length };
  return WITH_BODY.includes(method) ? { ...kept, "content-length": 0 } : kept;
}

/** Sends a request's body, where its headers say that there is one: no byte goes out beside them. */
export function sendBody(request: IncomingMessage, call: ClientRequest): void {
  if (call.hasHeader("content-length") || call.hasHeader("transfer-encoding")) request.pipe(call);
  else {
    request.resume();
    call.end();
  }
}

/** An answer's headers without those of the connection. */
export const answered = (headers: IncomingHttpHeaders): OutgoingHttpHeaders =>
  withoutHops(headers, []);

function withoutHops(
  headers: IncomingHttpHeaders,
  needed: readonly string[],
): OutgoingHttpHeaders & { "content-length"?: string } {
  const named = (headers.connection ?? "").toLowerCase().split(/[\s,]+/);
  const isHop = (name: string) =>
    HOP_BY_HOP.includes(name) || (named.includes(name) && !needed.includes(name));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isHop(name)));
}
