/** Rules for our own scripts. Unknown names are left to `tsc`, which knows the browser's. */
import js from "@eslint/js";

export default [
  { ignores: ["static/vendor/", "node_modules/", ".venv*/", "dist/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
];
