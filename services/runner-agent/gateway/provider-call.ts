import {
  type Agent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream";
import { addUsage } from "./add-usage.ts";
import type { Guest, Pass } from "./passes.ts";
import { callHeaders, callUrl, passedOn } from "./provider-request.rules.ts";
import { refuse } from "./refusals.ts";
import { usageReader } from "./usage-reader.ts";

export interface ProviderCall {
  readonly guest: Guest;
  readonly provider: NonNullable<Pass["provider"]>;
  /** Below the provider's address. */
  readonly path: string;
  readonly agent: Agent;
  readonly onTrouble: (error: Error) => void;
}

/** Passes a call on to the provider with the real key, and its answer back as it comes. */
export function callProvider(
  request: IncomingMessage,
  response: ServerResponse,
  { guest, provider, path, agent, onTrouble }: ProviderCall,
): void {
  const url = callUrl(provider.url, path, provider.keys);
  if (url === undefined) {
    refuse(response, 400, "It leads out of the provider's address.");
    return;
  }
  const send = url.protocol === "http:" ? httpRequest : httpsRequest;
  const call = send(url, {
    method: request.method ?? "GET",
    headers: callHeaders(request.headers, provider.keys),
    agent,
  });
  call.on("error", (error) => {
    if (response.destroyed) return;
    onTrouble(error);
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `The provider at ${url.host} cannot be reached: ${error.message}`);
  });
  call.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passedOn(answer.headers));
    // Those who wait for the first words are to see that there will be some.
    response.flushHeaders();
    const reader =
      answer.statusCode === 200 ? usageReader(answer.headers["content-type"]) : undefined;
    if (reader) answer.on("data", (bytes: Buffer) => reader.push(bytes));
    pipeline(answer, response, (error) => {
      guest.usage = addUsage(guest.usage, reader?.usage());
      if (error) onTrouble(error);
    });
  });
  // Whoever leaves ends the call, which would go on at the user's cost.
  response.on("close", () => call.destroy());
  pipeline(request, call, () => undefined);
}
