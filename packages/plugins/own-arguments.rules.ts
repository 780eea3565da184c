/**
 * What is wrong with arguments of the user's that a plugin gives by itself: told twice, a CLI reads
 * them wrongly, or does what its container does already.
 *
 * @param ours options and words; a short option also with its value in the same word
 */
export const ownArguments = (cliArgs: readonly string[], ours: readonly string[]): string[] =>
  cliArgs.flatMap((word) => {
    const name = word.split("=", 1)[0] ?? word;
    const found = ours.find(
      (own) => own === name || (/^-[A-Za-z]$/.test(own) && word.startsWith(own)),
    );
    return found === undefined ? [] : [`cliArgs may not hold ${found}: Pitaya says that itself`];
  });
