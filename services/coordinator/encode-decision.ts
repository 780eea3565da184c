import { encode } from "@pitaya/bus";
import { DecisionMessage } from "@pitaya/protocol";

/** The bytes of a turn. One place, so that a repeat of the same turn is the same bytes. */
export const encodeDecision = (message: DecisionMessage): Uint8Array =>
  encode(DecisionMessage, message);
