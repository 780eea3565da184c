import { randomUUID } from "node:crypto";
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, Transform } from "node:stream";
import { addUsage } from "./add-usage.ts";
import { type Translation, translation } from "./chat/translation.ts";
import { eventSplitter } from "./event-splitter.ts";
import type { Guest, Pass } from "./passes.ts";
import { callHeaders, callUrl, type Key, passedOn, withoutKeys } from "./provider-request.rules.ts";
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

/** Of a request that is translated, and of an answer, which are read whole then. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_EVENT_LENGTH = 8 * 1024 * 1024;

/** Passes a call on to the provider with the real key, and its answer back as it comes. */
export async function callProvider(
  request: IncomingMessage,
  response: ServerResponse,
  call: ProviderCall,
): Promise<void> {
  const { keys } = call.provider;
  const isTranslated =
    call.provider.speaksChatOnly && request.method === "POST" && RESPONSES.test(call.path);
  if (!isTranslated) {
    const sent = send(request, response, call, call.path, passOn(response, keys));
    if (sent) request.pipe(sent);
    return;
  }
  const body = await textOf(request);
  if (body === undefined) return refuse(response, 413, "The request is too large.");
  const asked = translation(body, () => randomUUID().replaceAll("-", ""));
  delete request.headers["content-length"];
  delete request.headers["content-encoding"];
  const path = call.path.replace(RESPONSES, "/chat/completions");
  send(request, response, call, path, answerIn(asked, response, keys))?.end(asked.body);
}

const RESPONSES = /\/responses(?=\?|$)/;

type Answerer = (answer: IncomingMessage, done: (error: Error | null) => void) => void;

/** @returns the call, for its body to be written; undefined where it was refused */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  { guest, provider, agent, onTrouble }: ProviderCall,
  path: string,
  answerIn: Answerer,
): ClientRequest | undefined {
  const url = callUrl(provider.url, path, provider.keys);
  if (url === undefined) {
    refuse(response, 400, "It leads out of the provider's address.");
    return undefined;
  }
  const open = url.protocol === "http:" ? httpRequest : httpsRequest;
  const call = open(url, {
    method: request.method ?? "GET",
    headers: callHeaders(request.headers, provider.keys),
    agent,
  });
  call.on("error", (error) => {
    // What is still to come of the request is read, or its connection could carry no answer.
    request.unpipe(call);
    request.resume();
    if (response.destroyed) return;
    onTrouble(error);
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `The provider at ${url.host} cannot be reached: ${error.message}`);
  });
  call.on("response", (answer) => {
    const reader =
      answer.statusCode === 200 ? usageReader(answer.headers["content-type"]) : undefined;
    if (reader) answer.on("data", (bytes: Buffer) => reader.push(bytes));
    answerIn(answer, (error) => {
      guest.usage = addUsage(guest.usage, reader?.usage());
      if (error) onTrouble(error);
    });
  });
  // Whoever leaves ends the call, which would go on at the user's cost.
  response.on("close", () => call.destroy());
  return call;
}

const passOn =
  (response: ServerResponse, keys: readonly Key[]): Answerer =>
  (answer, done) => {
    if ((answer.statusCode ?? 0) >= 400) return passErrorOn(answer, response, keys, done);
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passedOn(answer.headers));
    // Those who wait for the first words are to see that there will be some.
    response.flushHeaders();
    pipeline(answer, response, done);
  };

function passErrorOn(
  answer: IncomingMessage,
  response: ServerResponse,
  keys: readonly Key[],
  done: (error: Error | null) => void,
): void {
  textOf(answer).then(
    (text = "") => {
      const { "content-length": _, ...headers } = passedOn(answer.headers);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
      response.end(withoutKeys(text, keys));
      done(null);
    },
    broken(response, done),
  );
}

/** Errors pass as they are: they have the same form in both interfaces. */
const answerIn =
  (asked: Translation, response: ServerResponse, keys: readonly Key[]): Answerer =>
  (answer, done) => {
    const { "content-length": _, ...headers } = passedOn(answer.headers);
    if (answer.statusCode !== 200) return passOn(response, keys)(answer, done);
    if (!asked.isStreamed) {
      textOf(answer).then(
        (text) => {
          const whole = asked.whole(text ?? "");
          if (whole === undefined) refuse(response, 502, "The provider gave no chat completion.");
          else response.writeHead(200, headers).end(whole);
          done(null);
        },
        broken(response, done),
      );
      return;
    }
    const split = eventSplitter(MAX_EVENT_LENGTH);
    const events = new Transform({
      transform(bytes: Buffer, _encoding, then) {
        then(null, split(bytes).map(asked.push).join(""));
      },
      flush(then) {
        const end = asked.end();
        if (end === undefined) then(new Error("the provider's answer broke off"));
        else then(null, end);
      },
    });
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    response.flushHeaders();
    pipeline(answer, events, response, done);
  };

/** An answer that broke off breaks off for the agent too. */
const broken = (response: ServerResponse, done: (error: Error) => void) => (error: Error) => {
  response.destroy();
  done(error);
};

/** Undefined where it is too long. */
async function textOf(message: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
