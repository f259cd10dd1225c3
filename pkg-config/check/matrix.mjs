// The matrix of what works where, as Markdown.

const STEPS = ["text", "chat", "constraint", "trainer"].flatMap((step) => [step, `${step}, worker`]);

/** The text that most environments wrote in a step: those that wrote another are wrong. */
function usual(outcomes, step) {
  const counts = new Map();
  for (const { steps } of Object.values(outcomes)) {
    const text = steps[step]?.text;
    if (text) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return sorted[0]?.[0];
}

/** The table, and a line for each thing that went wrong. */
export function matrix(environments, outcomes) {
  const expected = Object.fromEntries(
    STEPS.map((step) => [step, usual(outcomes, step.replace(", worker", "")) ?? usual(outcomes, step)]),
  );
  const problems = [];
  const rows = Object.entries(outcomes).map(([name, { steps, complaints }]) => {
    const cells = STEPS.map((step) => {
      const { text, error } = steps[step] ?? {};
      if (text && text === expected[step]) return "✓";
      if (text) problems.push(`${name}: ${step} wrote ${JSON.stringify(text)}, not ${JSON.stringify(expected[step])}`);
      else if (error) problems.push(`${name}: ${step}: ${error}`);
      return "✗";
    });
    if (cells.includes("✗") || complaints.some((complaint) => complaint.startsWith("exit")))
      problems.push(...complaints.map((complaint) => `${name}: ${complaint}`));
    return [environments[name].title, ...cells, environments[name].note ?? ""];
  });
  const lines = [["environment", ...STEPS, "what it takes"], ["---", ...STEPS.map(() => ":-:"), "---"], ...rows];
  return { table: lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"), problems };
}
