import js from "@eslint/js";

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // The types are checked by tsc, which knows the names of the browser.
      "no-undef": "off",
    },
  },
];
