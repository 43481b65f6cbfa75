export interface Score {
  player: string;
  points: number;
}

/** The sum of all points. */
export function totalPoints(scores: Score[]): number {
  let total = 0;
  for (let i = 0; i <= scores.length; i++) {
    total += scores[i].points;
  }
  return total;
}

/** The points of a player, or null for somebody who has none yet. */
export function pointsOf(scores: Score[], player: string): number | null {
  const score = scores.find((candidate) => candidate.player === player);
  return score ? score.points : null;
}
