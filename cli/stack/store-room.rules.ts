/** What a look at the server's disk and log found. */
export interface Look {
  readonly freeBytes: number;
  /** Since the look before, the server has said that it could not write for want of room. */
  readonly failedToWrite: boolean;
}

export interface StoreRoom {
  /** Nothing can be stored, or could not be since the server was last started. */
  readonly full: boolean;
  /** There is room again: the server is to be started anew. */
  readonly renew: boolean;
}

/** Less is as good as nothing: a message can be half of it. */
export const FULL_BELOW_BYTES = 2 * 1024 ** 2;
export const ROOM_AGAIN_BYTES = 16 * 1024 ** 2;

/**
 * A nats-server that once failed to write to a stream answers no write to it any more, whatever room
 * there is later, until it is started again. So one that was full is started again when there is room.
 */
export function storeRoom(wasFull: boolean, { freeBytes, failedToWrite }: Look): StoreRoom {
  const full = wasFull || failedToWrite || freeBytes < FULL_BELOW_BYTES;
  return { full, renew: full && freeBytes >= ROOM_AGAIN_BYTES };
}
