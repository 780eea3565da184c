import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from "node:worker_threads";
import { errorRecord } from "@pitaya/protocol";
import type { FromWorker, ToWorker, WorkerStart } from "./messages.ts";
import { openRealm, type RealmHost, type Reply } from "./realm.ts";

/**
 * The program of a worker: one realm, and the messages between it and its host. While a call of the
 * code waits for its answer this thread sleeps, so the code sees an answer at once, and the answers of
 * one execution are the same whatever else the host does.
 */
async function serve(port: MessagePort): Promise<void> {
  const { replies, answered, ...given } = workerData as WorkerStart;
  const bell = new Int32Array(answered);
  const say = (message: FromWorker) => port.postMessage(message);

  const host: RealmHost = {
    call(name, args) {
      Atomics.store(bell, 0, 0);
      say({ type: "call", name, args: args as never });
      Atomics.wait(bell, 0, 0);
      return receiveMessageOnPort(replies)?.message as Reply;
    },
    log: (line) => say({ type: "log", line }),
    end(end) {
      if ("error" in end) say({ type: "failed", error: end.error });
      else if ("thrown" in end) say({ type: "threw", id: end.thrown });
      else say({ type: "ended", outcome: end.outcome as never });
    },
  };
  const over = (error: unknown) => say({ type: "over", error: errorRecord(error) });

  // The interpreter asks its host for the time zone, which is to be the same wherever it runs.
  Date.prototype.getTimezoneOffset = () => 0;
  try {
    const realm = await openRealm({ ...given, host });
    say({ type: "loaded", strategies: [...realm.strategies], others: [...realm.others] });
    port.on("message", (message: ToWorker) => {
      try {
        if (message.type === "check") {
          return say({ type: "done", read: realm.check(message.index, message.params) });
        }
        if (message.type === "turn") realm.beginTurn();
        else if (message.type === "execute") realm.execute(message.index, message.given);
        else realm.settle(message.promise, message.reply);
        say({ type: "done" });
      } catch (error) {
        over(error);
      }
    });
  } catch (error) {
    over(error);
  }
}

if (parentPort) await serve(parentPort);
