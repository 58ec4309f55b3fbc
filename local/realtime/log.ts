// Plain lines on stderr; the supervisor keeps them in one file per process.

type Level = "INFO" | "WARNING" | "ERROR";

function write(level: Level, text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} realtime: ${text}\n`);
}

export const log = {
  info: (text: string): void => { write("INFO", text); },
  warning: (text: string): void => { write("WARNING", text); },
  error: (text: string): void => { write("ERROR", text); },
};

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
