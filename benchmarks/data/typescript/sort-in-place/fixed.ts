export interface Player {
  readonly name: string;
  readonly points: number;
}

export interface Ranked {
  readonly place: number;
  readonly player: Player;
}

/** The players by points, the best first; equal points share a place. Leaves `players` as they are. */
export function ranking(players: Player[]): Ranked[] {
  const sorted = [...players].sort((a, b) => b.points - a.points);
  const result: Ranked[] = [];
  sorted.forEach((player, index) => {
    const before = result[index - 1];
    const place = before !== undefined && before.player.points === player.points ? before.place : index + 1;
    result.push({ place, player });
  });
  return result;
}

/** The names on the first place. */
export function winners(players: Player[]): string[] {
  return ranking(players)
    .filter((ranked) => ranked.place === 1)
    .map((ranked) => ranked.player.name);
}
