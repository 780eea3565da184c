import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { type ErrorRecord, errorRecord, PitayaError } from "@pitaya/protocol";
import { lineChannel } from "./line-channel.ts";
import {
  Hello,
  Request,
  type StackStatus,
  type SupervisorMessage,
  type Visit,
} from "./messages.ts";

/** A command that is connected. */
export interface Guest {
  visit: Visit;
  send(message: SupervisorMessage): void;
}

export interface DoorKeeper {
  /** A guest has said hello. It has been welcomed with `status()`; what it waits for is sent now. */
  arrived(guest: Guest): void;
  /** Nothing more comes from this guest. */
  left(guest: Guest): void;
  /** @throws PitayaError, sent to the guest as refusal */
  asked(guest: Guest, request: Request): void;
  /** As this guest is to see it. */
  status(guest: Guest): StackStatus;
}

export interface FrontDoor {
  readonly guests: ReadonlySet<Guest>;
  /** No more guests; the socket file is gone. Those who are there stay. */
  closeToNew(): void;
  /** Ends every connection once what was sent is out. */
  close(): Promise<void>;
}

/** A guest that does not say what it is. */
const HELLO_TIMEOUT_MS = 5_000;

/**
 * Listens on the stack's socket. Only for the holder of the supervisor's lock: a socket file that is
 * there already is a dead supervisor's.
 */
export async function openFrontDoor(path: string, keeper: DoorKeeper): Promise<FrontDoor> {
  rmSync(path, { force: true });
  const guests = new Set<Guest>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    receive(socket, guests, keeper);
  });
  await listen(server, path);
  let closed: Promise<void> | undefined;
  const stopListening = () => {
    closed ??= new Promise((resolve) => server.close(() => resolve()));
    return closed;
  };
  return {
    guests,
    closeToNew: () => void stopListening(),
    async close() {
      const allClosed = stopListening();
      for (const socket of sockets) socket.end();
      // One that does not read, or keeps its side open, is not waited for.
      const giveUp = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 500);
      await allClosed;
      clearTimeout(giveUp);
    },
  };
}

function receive(socket: Socket, guests: Set<Guest>, keeper: DoorKeeper): void {
  const guest: Guest = { visit: "ask", send: (message) => channel.send(message) };
  const impatient = setTimeout(() => socket.destroy(), HELLO_TIMEOUT_MS);
  const channel = lineChannel(socket, {
    message(value) {
      if (!guests.has(guest)) {
        const hello = Hello.safeParse(value);
        if (!hello.success) return void socket.destroy();
        clearTimeout(impatient);
        guests.add(guest);
        channel.send({ type: "welcome", status: keeper.status(guest) } satisfies SupervisorMessage);
        keeper.arrived(guest);
        return;
      }
      const request = Request.safeParse(value);
      if (!request.success) return void refuse(value, "the stack does not know this request");
      try {
        keeper.asked(guest, request.data);
      } catch (error) {
        channel.send({ type: "refused", id: request.data.id, error: errorRecord(error) });
      }
    },
    end() {
      clearTimeout(impatient);
      if (guests.delete(guest)) keeper.left(guest);
    },
  });

  function refuse(value: unknown, why: string) {
    const id = Request.options[0].shape.id.safeParse((value as { id?: unknown } | null)?.id);
    if (!id.success) return void socket.destroy();
    const error: ErrorRecord = errorRecord(new PitayaError("version_skew", why));
    channel.send({ type: "refused", id: id.data, error } satisfies SupervisorMessage);
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new PitayaError("stack_failed", `cannot listen on ${path}: ${error.message}`, {
          cause: error,
        }),
      ),
    );
    server.listen(path, () => resolve());
  });
}
