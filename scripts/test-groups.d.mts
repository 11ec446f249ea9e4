export const GROUPS: readonly string[];
export function testFiles(): string[];
export function groupOf(file: string): string;
