import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/**"] },
  js.configs.recommended,
  {
    // The edge router runs in Deno and is type-checked by `deno check`; here it gets the rules that need no types.
    files: ["edge/**/*.ts"],
    extends: [tseslint.configs.strict],
    languageOptions: { globals: { Deno: "readonly" } },
  },
  {
    files: ["gateway/**/*.ts", "realtime/**/*.ts", "dashboard/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
);
