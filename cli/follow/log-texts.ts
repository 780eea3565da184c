import { type Bus, loadText } from "@pitaya/bus";
import { isPitayaError, type Text, textExcerpt } from "@pitaya/protocol";
import { type LogEvent, type TextSource, textsIn } from "@pitaya/views";

/** Long texts of a log, fetched as their events come by, so that what is projected has them whole. */
export interface LogTexts {
  readonly source: TextSource;
  /** Fetches what the event's projection shows. One that is gone shows its beginning. */
  load(bus: Pick<Bus, "blobs">, event: LogEvent): Promise<void>;
}

export function logTexts(): LogTexts {
  const loaded = new Map<string, string>();
  return {
    source: (text: Text) =>
      "inline" in text ? text.inline : (loaded.get(text.blob.sha256) ?? textExcerpt(text)),
    async load(bus, event) {
      for (const text of textsIn(event)) {
        if ("inline" in text || loaded.has(text.blob.sha256)) continue;
        try {
          loaded.set(text.blob.sha256, await loadText(bus, text));
        } catch (error) {
          if (!isPitayaError(error, "blob_missing") && !isPitayaError(error, "blob_corrupt"))
            throw error;
        }
      }
    },
  };
}
