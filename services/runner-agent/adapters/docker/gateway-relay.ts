import { performServerHandshake, type ServerHttp2Session } from "node:http2";
import { Duplex, Readable, Writable } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import { GATEWAY } from "../../ports/executor.port.ts";
import { type Attached, attached } from "./attached.ts";
import { type Engine, makingContainer, onEngine, unlessGone } from "./engine.ts";
import { hardened } from "./hardening.rules.ts";
import type { Naming } from "./names.ts";
import { acceptRelayed } from "./relayed-connections.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** What the relay's listener ends with (`docker/wrapper/helper/relay.cjs`). */
const PORT_IS_TAKEN = 98;
const NO_NODE = 127;
const WINDOW_BYTES = 1024 * 1024;
const READY_MS = 30_000;
/** A relay that cannot listen ends at once, and the engine says so a moment later. */
const ENDING_MS = 3_000;
const AGAIN_MS = 1_000;

/**
 * The container that takes agents' connections on the engine's host and passes them on over the
 * engine's own connection: so they reach a runner-agent in a container, or on another host, too.
 * It outlives this process, and the next one takes it over.
 */
export interface GatewayRelay {
  /** Idempotent. Resolves when connections come in; it is brought up again whenever it ends. */
  open(address: string, accept: (connection: Duplex) => void): Promise<void>;
  /** Takes no connection any more. Those that come wait. */
  close(): void;
  remove(): Promise<void>;
}

export function gatewayRelay(
  engine: Engine,
  naming: Naming,
  options: { readonly image: string; readonly script: string },
): GatewayRelay {
  const { container: name } = naming.gateway;
  const node = (...args: string[]) => ["node", "-e", options.script, ...args];
  let link: Promise<ServerHttp2Session> | undefined;
  let listensAt: string | undefined;
  let isClosed = false;

  const remove = async () => {
    await unlessGone("remove the gateway's relay", () =>
      engine.getContainer(name).remove({ force: true, v: true }),
    );
  };

  async function ensureContainer(address: string): Promise<void> {
    const found = await unlessGone("look up the gateway's relay", () =>
      engine.getContainer(name).inspect(),
    );
    const cmd = node("listen", address, String(GATEWAY.port));
    const isAsWanted = found?.State.Running && found.Config.Cmd?.join("\n") === cmd.join("\n");
    if (isAsWanted) return;
    if (found !== undefined) await remove();
    const container = await onEngine("create the gateway's relay", () =>
      makingContainer(() =>
        engine.createContainer({
          name,
          Image: options.image,
          Labels: naming.labels("gateway"),
          User: "65534:65534",
          Entrypoint: [],
          Cmd: cmd,
          HostConfig: {
            ...hardened(),
            NetworkMode: "host",
            Memory: 512 * 1024 ** 2,
            Tmpfs: { "/pitaya/relay": "rw,nosuid,nodev,noexec,mode=1777,size=1m" },
          },
        }),
      ),
    );
    await onEngine("start the gateway's relay", () => container.start());
  }

  async function connect(accept: (connection: Duplex) => void): Promise<ServerHttp2Session> {
    const exec = await onEngine("reach the gateway's relay", () =>
      engine.getContainer(name).exec({
        Cmd: node("uplink"),
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
      }),
    );
    const connection = await onEngine("reach the gateway's relay", () =>
      exec.start({ hijack: true, stdin: true }),
    );
    const streams = attached(connection as Duplex);
    const session = performServerHandshake(asDuplex(streams), {
      settings: { initialWindowSize: WINDOW_BYTES },
    });
    session.on("error", () => session.destroy());
    session.once("close", streams.close);
    acceptRelayed(session, accept);
    return session;
  }

  async function bringUp(
    address: string,
    accept: (connection: Duplex) => void,
  ): Promise<ServerHttp2Session> {
    await ensureContainer(address);
    try {
      return await ready(await connect(accept));
    } catch (cause) {
      throw await whyNot(cause);
    }
  }

  async function whyNot(cause: unknown): Promise<PitayaError> {
    const ending = waitForEnd(engine.getContainer(name), AbortSignal.timeout(ENDING_MS));
    const code = await ending.catch(() => undefined);
    const about = { cause, retryable: false };
    if (code === PORT_IS_TAKEN) {
      return new PitayaError(
        "engine_unavailable",
        `The gateway cannot listen: something on the engine's host has port ${GATEWAY.port} on all addresses.`,
        { ...about, hint: `Free port ${GATEWAY.port} there, or use --network online.` },
      );
    }
    if (code === NO_NODE) {
      return new PitayaError(
        "engine_unavailable",
        `The gateway cannot start: the helper image ${options.image} has no node.`,
        {
          ...about,
          hint: "The image pitaya-agents has it; PITAYA_RUNNER__HELPER_IMAGE names another.",
        },
      );
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    return new PitayaError(
      "engine_unavailable",
      `The gateway's relay could not be reached: ${why}`,
      {
        cause,
      },
    );
  }

  /** Once it was there it is brought up again: an engine that was restarted has ended it. */
  async function keep(address: string, accept: (connection: Duplex) => void): Promise<void> {
    const own = bringUp(address, accept);
    link = own;
    listensAt = address;
    const lost = () => {
      if (link === own) link = undefined;
    };
    const session = await own.catch((error: unknown) => {
      lost();
      throw error;
    });
    if (isClosed) session.destroy();
    const again = () => {
      lost();
      setTimeout(() => {
        const isWanted = link === undefined && listensAt === address && !isClosed;
        if (isWanted) keep(address, accept).catch(again);
      }, AGAIN_MS).unref();
    };
    if (session.destroyed) again();
    else session.once("close", again);
  }

  function leave(): void {
    link?.then(
      (session) => session.destroy(),
      () => undefined,
    );
    link = undefined;
  }

  return {
    open: async (address, accept) => {
      // The network was made anew, since somebody had pruned it.
      if (listensAt !== address) leave();
      if (link === undefined) await keep(address, accept);
      else await link;
    },
    close: () => {
      isClosed = true;
      leave();
    },
    remove,
  };
}

/** Resolves when the relay has answered. Rejects when it ends, or says nothing for too long. */
function ready(session: ServerHttp2Session): Promise<ServerHttp2Session> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      clearTimeout(timer);
      session.destroy();
      reject(new Error("it did not answer"));
    };
    const timer = setTimeout(fail, READY_MS);
    session.once("close", fail);
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      session.off("close", fail);
      resolve(session);
    });
  });
}

/** What the uplink writes on its standard output, and its standard input. */
function asDuplex({ frames, write, endInput }: Attached): Duplex {
  async function* bytes() {
    for await (const frame of frames) if (frame.stream === "stdout") yield frame.bytes;
  }
  return Duplex.from({
    readable: Readable.from(bytes(), { objectMode: false }),
    writable: new Writable({
      write: (chunk: Buffer, _, done) => {
        write(chunk).then(() => done(), done);
      },
      final: (done) => {
        endInput();
        done();
      },
    }),
  });
}
