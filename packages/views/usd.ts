/** US dollars to the millionth: sums of binary fractions carry digits that mean nothing. */
export const roundUsd = (costUsd: number): number => Math.round(costUsd * 1e6) / 1e6;
