import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { compression } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), tailwindcss(), compression({ algorithms: ["gzip", "brotliCompress"], threshold: 1024 })],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  // Where `npm run dev` finds the local cloud: as `agenttrader up` has it where nothing else is said. A test reads docs/.
  server: { fs: { allow: [".", "../docs"] }, proxy: { "/config.json": "http://127.0.0.1:21012" } },
  build: {
    target: "es2023",
    // A module that is preloaded inline would need an exception in the Content-Security-Policy.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { environment: "jsdom", isolate: false, include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
