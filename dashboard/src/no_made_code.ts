/** Imported before every schema: the Content-Security-Policy forbids code that is made from text, and zod would try. */
import { z } from "zod";

z.config({ jitless: true });
