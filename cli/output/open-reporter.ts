import type { RunView } from "@pitaya/views";
import { type Console, consoleOn } from "../console.ts";
import type { Session } from "../session.ts";
import { jsonReporter } from "./json.ts";
import { liveReporter } from "./live/live.ts";
import { screenOn } from "./live/screen.ts";
import { outputMode } from "./mode.rules.ts";
import { quietReporter } from "./quiet.ts";
import type { Reporter } from "./reporter.port.ts";
import { streamingReporter } from "./streaming.ts";

/** The reporter this invocation asks for, and the console to use beside it until it is closed. */
export function openReporter(
  session: Session,
  options: {
    readonly view: RunView;
    readonly footer: string;
    readonly resultsPath: string | undefined;
  },
): { readonly reporter: Reporter; readonly console: Console } {
  const { host, console, settings, redactor } = session;
  const verbose = settings.values["logging.console_verbose"];
  const { resultsPath } = options;
  const mode = outputMode(settings, session.has("no-tui"), host);
  switch (mode) {
    case "live": {
      const screen = screenOn(host.stderr);
      const above = consoleOn({ stdout: host.stdout, stderr: screen.output });
      const live = { ...options, console: above, screen, clock: host.clock };
      return { reporter: liveReporter(live), console: above };
    }
    case "json":
      return { reporter: jsonReporter(console, redactor, host.clock.now), console };
    case "quiet":
      return { reporter: quietReporter(console), console };
    case "streaming":
      return { reporter: streamingReporter(console, { verbose, resultsPath }), console };
    default:
      return mode satisfies never;
  }
}
