export interface Step {
  readonly name: string;
  up(): Promise<void>;
  down(): Promise<void>;
}

export class MigrationError extends Error {
  constructor(
    readonly step: string,
    readonly reason: unknown,
  ) {
    super(`migration ${step} failed`);
  }
}

/** Takes all steps in their order. If one fails, those before it are taken back, the last one first. */
export async function migrate(steps: readonly Step[]): Promise<void> {
  const taken: Step[] = [];
  for (const step of steps) {
    try {
      await step.up();
    } catch (reason) {
      for (const before of taken.reverse()) {
        await before.down();
      }
      throw new MigrationError(step.name, reason);
    }
    taken.push(step);
  }
}
