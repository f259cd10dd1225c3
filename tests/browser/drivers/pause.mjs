// How often a test looks whether something has happened in a page.

const [LEAST, MOST] = [20, 200];

/**
 * How long to wait before looking again, after a wait of so many milliseconds: a quarter of that. Every look takes the
 * browser and its driver a few milliseconds, which whatever the test waits for lacks.
 */
export const pauseAfter = (waited) => Math.min(MOST, Math.max(LEAST, waited / 4));
