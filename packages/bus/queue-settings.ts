/**
 * How a runner's two queues behave. A start is acknowledged as soon as it is claimed and written
 * down, a control command as soon as it is handled, so a delivery that is still open after this long
 * went to a runner-agent that died.
 */
export const QUEUE_ACK_WAIT_MS = 30_000;

/** Deliveries of one queue that may be open at a time: more than any runner has slots. */
export const QUEUE_MAX_OPEN = 1_000;
