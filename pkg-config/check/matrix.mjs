// The matrix of what works where, as Markdown.

const STEPS = ["text", "chat", "constraint", "trainer", "encoder", "store"].flatMap((step) => [
  step,
  `${step}, worker`,
]);

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

/** Whether an environment takes a step: some start no workers, and the README's code writes a text in one. */
const takes = ({ workers = true, readme }, step) =>
  readme ? step === "text, worker" : workers || !step.endsWith(", worker");

/** What each step is to write, in the environments with the README's code or in the others. */
function expectedTexts(environments, outcomes, readme) {
  const alike = Object.entries(outcomes).filter(([name]) => Boolean(environments[name].readme) === readme);
  const same = Object.fromEntries(alike);
  return Object.fromEntries(
    STEPS.map((step) => [step, usual(same, step.replace(", worker", "")) ?? usual(same, step)]),
  );
}

/** The table, and a line for each thing that went wrong. */
export function matrix(environments, outcomes) {
  const [others, readmes] = [false, true].map((readme) => expectedTexts(environments, outcomes, readme));
  const problems = [];
  const rows = Object.entries(outcomes).map(([name, { steps, complaints }]) => {
    const { title, note = "", readme } = environments[name];
    const expected = readme ? readmes : others;
    const cells = STEPS.map((step) => {
      if (!takes(environments[name], step)) return "–";
      const { text, error } = steps[step] ?? {};
      if (text && text === expected[step]) return "✓";
      if (text) problems.push(`${name}: ${step} wrote ${JSON.stringify(text)}, not ${JSON.stringify(expected[step])}`);
      else if (error) problems.push(`${name}: ${step}: ${error}`);
      return "✗";
    });
    if (cells.includes("✗") || complaints.some((complaint) => complaint.startsWith("exit")))
      problems.push(...complaints.map((complaint) => `${name}: ${complaint}`));
    return [title, ...cells, note];
  });
  const lines = [["environment", ...STEPS, "what it takes"], ["---", ...STEPS.map(() => ":-:"), "---"], ...rows];
  return { table: lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"), problems };
}
