/** The fastest variant of the engine that this browser can run, or null if it has no SIMD at all. */
export function bestVariant(): "relaxed" | "simd128" | null;
