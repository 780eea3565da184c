import { readFileSync } from "node:fs";
import { request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

export interface EngineRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly timeoutMs: number;
  /** Sent as application/x-tar. */
  readonly tar?: Readable;
}

/**
 * One request to an engine's HTTP API. Only what set-up asks: the product itself uses a client
 * library, which is not installed yet here.
 *
 * @param host as in DOCKER_HOST: `unix:///path` or `tcp://host:port`
 * @throws Error when nothing answers in time
 */
export function askEngine(host: string, ask: EngineRequest): Promise<EngineAnswer> {
  return new Promise((settle, reject) => {
    const options: RequestOptions = {
      ...endpoint(host),
      method: ask.method ?? "GET",
      path: ask.path,
      headers: ask.tar ? { "content-type": "application/x-tar" } : {},
      signal: AbortSignal.timeout(ask.timeoutMs),
    };
    const send = isTls(host) ? httpsRequest : httpRequest;
    const sent = send(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () => settle({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    if (ask.tar) {
      ask.tar.on("error", (error) => sent.destroy(error));
      ask.tar.pipe(sent);
    } else sent.end();
  });
}

function endpoint(host: string): RequestOptions {
  const url = new URL(host);
  if (url.protocol === "unix:") return { socketPath: url.pathname, host: "localhost" };
  if (url.protocol !== "tcp:") {
    throw new Error(`${host}: set-up speaks to engines by unix:// and tcp:// addresses`);
  }
  const plain = { host: url.hostname, port: Number(url.port || "2375") };
  const certificates = process.env["DOCKER_CERT_PATH"];
  if (!isTls(host) || !certificates) return plain;
  const read = (name: string) => readFileSync(join(certificates, name));
  return Object.assign(plain, { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") });
}

function isTls(host: string): boolean {
  return host.startsWith("tcp:") && Boolean(process.env["DOCKER_TLS_VERIFY"]);
}
