import { places } from "./places.ts";
import { setUp } from "./set-up.ts";
import { describeFailure } from "./set-up-error.ts";
import { steps } from "./steps.ts";

try {
  const write = (line: string) => void process.stderr.write(line);
  const record = await setUp(
    places(process.env),
    steps(write, () => performance.now()),
  );
  console.log(JSON.stringify(record, null, 2));
} catch (error) {
  console.error(`set-up failed: ${describeFailure(error)}`);
  process.exitCode = 1;
}
