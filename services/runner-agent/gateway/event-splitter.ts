/** A server-sent event: its name, where it has one, and its data with the lines joined. */
export interface SentEvent {
  readonly event?: string;
  readonly data: string;
}

/**
 * Takes events out of a stream that is split anywhere, also within a character. An event over
 * `maxLength` characters is left out.
 */
export function eventSplitter(maxLength: number): (bytes: Uint8Array) => readonly SentEvent[] {
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  let event = "";
  let length = 0;
  let endedWithReturn = false;

  const endEvent = (): SentEvent | undefined => {
    const isWhole = data.length > 0 && length <= maxLength;
    const found = { ...(event && { event }), data: data.join("\n") };
    data = [];
    event = "";
    length = 0;
    return isWhole ? found : undefined;
  };

  const endLine = (): SentEvent | undefined => {
    const text = line;
    line = "";
    if (text === "" && length <= maxLength) return endEvent();
    // Nothing is kept of an event that is too long, but where it ends.
    if (length > maxLength) {
      data = [];
      if (text === "") return endEvent();
    } else if (text.startsWith("data:")) data.push(text.slice(5).replace(/^ /, ""));
    else if (text.startsWith("event:")) event = text.slice(6).trim();
    return undefined;
  };

  return (bytes) => {
    const text = decoder.decode(bytes, { stream: true });
    const events: SentEvent[] = [];
    const pieces = (endedWithReturn ? text.replace(/^\n/, "") : text).split(/\r\n|\r|\n/);
    if (text !== "") endedWithReturn = text.endsWith("\r");
    for (const [index, piece] of pieces.entries()) {
      length += piece.length;
      // One character says that the line is not empty.
      line = length > maxLength ? `${line}${piece}`.slice(0, 1) : line + piece;
      if (index === pieces.length - 1) break;
      const found = endLine();
      if (found !== undefined) events.push(found);
    }
    return events;
  };
}
