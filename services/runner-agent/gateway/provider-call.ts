import { randomUUID } from "node:crypto";
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, Transform } from "node:stream";
import { addUsage } from "./add-usage.ts";
import { beginAnswer } from "./begin-answer.ts";
import { type Translation, translation } from "./chat/translation.ts";
import { eventSplitter } from "./event-splitter.ts";
import { answered, sendBody } from "./passed-on.rules.ts";
import type { Guest, Pass } from "./passes.ts";
import { headersWithoutKeys, type Key, withoutKeys, withoutKeysInStream } from "./placeholders.ts";
import { callHeaders, callUrl } from "./provider-request.rules.ts";
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

/** Of an attempt's requests that are translated, together, and of an answer: they are read whole. */
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
    if (sent) sendBody(request, sent);
    return;
  }
  const body = await textOf(request, roomFor(call.guest, response));
  if (body === undefined) return refuse(response, 413, "The request is too large.");
  const asked = translation(body, () => randomUUID().replaceAll("-", ""));
  delete request.headers["transfer-encoding"];
  delete request.headers["content-encoding"];
  request.headers["content-length"] = String(Buffer.byteLength(asked.body));
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
    headers: callHeaders(request, provider.keys),
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
    if (begun(response, answer, headersOf(answer, keys), done)) {
      pipeline(answer, withoutKeysInStream(keys), response, done);
    }
  };

/** Whether it goes on; otherwise the provider's answer is over for us. */
function begun(
  response: ServerResponse,
  answer: IncomingMessage,
  headers: OutgoingHttpHeaders,
  done: (error: Error | null) => void,
): boolean {
  if (beginAnswer(response, answer, headers)) return true;
  answer.destroy();
  done(null);
  return false;
}

/** Without its length, which changes with each key that is taken back. */
function headersOf(answer: IncomingMessage, keys: readonly Key[]): OutgoingHttpHeaders {
  const { "content-length": _, ...headers } = answered(answer.headers);
  return headersWithoutKeys(headers, keys);
}

/** Errors pass as they are: they have the same form in both interfaces. */
const answerIn =
  (asked: Translation, response: ServerResponse, keys: readonly Key[]): Answerer =>
  (answer, done) => {
    if (answer.statusCode !== 200) return passOn(response, keys)(answer, done);
    const headers = headersOf(answer, keys);
    if (!asked.isStreamed) {
      textOf(answer, room())
        .then((text) => {
          const whole = asked.whole(withoutKeys(text ?? "", keys));
          if (whole === undefined) refuse(response, 502, "The provider gave no chat completion.");
          else if (beginAnswer(response, answer, headers)) response.end(whole);
          done(null);
        })
        .catch(broken(response, done));
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
    const streaming = { ...headers, "content-type": "text/event-stream" };
    if (begun(response, answer, streaming, done)) {
      pipeline(answer, withoutKeysInStream(keys), events, response, done);
    }
  };

/** An answer that broke off breaks off for the agent too. */
const broken = (response: ServerResponse, done: (error: Error) => void) => (error: Error) => {
  response.destroy();
  done(error);
};

/** Is there room for so many bytes more? */
type Room = (bytes: number) => boolean;

function room(): Room {
  let held = 0;
  return (bytes) => {
    held += bytes;
    return held <= MAX_BODY_BYTES;
  };
}

/** Shared by an attempt's requests: each is counted until it has its answer. */
function roomFor(guest: Guest, response: ServerResponse): Room {
  let own = 0;
  response.once("close", () => {
    guest.heldBytes -= own;
    own = 0;
  });
  return (bytes) => {
    if (response.destroyed || guest.heldBytes + bytes > MAX_BODY_BYTES) return false;
    own += bytes;
    guest.heldBytes += bytes;
    return true;
  };
}

/** Undefined where there is no room for it; it is read on then, that its connection can carry an answer. */
function textOf(message: IncomingMessage, hasRoom: Room): Promise<string | undefined> {
  return new Promise((done, fail) => {
    const parts: Buffer[] = [];
    let fits = true;
    message.on("data", (part: Buffer) => {
      fits &&= hasRoom(part.length);
      if (fits) parts.push(part);
      else {
        parts.length = 0;
        done(undefined);
      }
    });
    message.on("end", () => done(Buffer.concat(parts).toString()));
    message.on("error", fail);
    message.on("close", () => fail(new Error("it broke off")));
  });
}
