import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { toast } from "sonner";

beforeEach(() => { vi.resetModules(); });
afterEach(() => { vi.resetModules(); });

test("test_said_when_messages_cannot_be_shown_yet_then_it_is_shown_once_they_can", async () => {
  const { failed, said, shownBy, toaster } = await import("./announce");
  const shown: unknown[] = [];
  said("The note is kept.");
  failed(new Error("The ledger does not answer."));
  shownBy({ success: (text: unknown) => shown.push(text), error: (text: unknown) => shown.push(text) } as unknown as typeof toast);
  await toaster;
  expect(shown).toEqual(["The note is kept.", expect.any(String)]);
});
