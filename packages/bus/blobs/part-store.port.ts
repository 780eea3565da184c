/** Where the messages of blobs lie. Small enough that a stream and an array both are one. */
export interface PartStore {
  /** Stores a message under its subject unless there is one already. */
  putOnce(subject: string, payload: Uint8Array): Promise<void>;
  /** Stores a message that stands for the subject from now on. */
  put(subject: string, payload: Uint8Array): Promise<void>;
  /**
   * The message that stands for the subject.
   *
   * @throws `blob_corrupt` when it is there and cannot be read
   */
  get(subject: string): Promise<Uint8Array | undefined>;
  /** Says that a blob is wanted, for some time. `key` is `<writer>.<sha256>`. */
  pin(key: string): Promise<void>;
  /** Calls back at intervals well inside a pin's time, until the returned function is called. */
  whileUploading(renew: () => void): () => void;
}
