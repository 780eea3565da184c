/** Version of every message (`v`) and the second token of every subject. */
export const PROTOCOL_VERSION = 1;

/** Oldest nats-server whose streams and leases do what is asked of them. */
export const MIN_SERVER_VERSION = "2.12.0";
