// Detects which of the shipped modules this browser can run.

/**
 * A minimal module with one function that ends in the given instructions and returns a v128.
 *
 * @param {number[]} instructions
 */
const probe = (...instructions) => {
  const body = [0x00, 0x41, 0x00, 0xfd, 0x0f, ...instructions, 0x0b]; // i32.const 0; i8x16.splat; …
  return new Uint8Array(
    [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version 1
      [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type 0: () -> v128
      [0x03, 0x02, 0x01, 0x00], // one function of type 0
      [0x0a, body.length + 2, 0x01, body.length, ...body],
    ].flat(),
  );
};

// i8x16.popcnt
const SIMD128 = probe(0xfd, 0x62);
// i32.const 0; i8x16.splat; i16x8.relaxed_dot_i8x16_i7x16_s
const RELAXED = probe(0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x92, 0x02);

/** @param {Uint8Array<ArrayBuffer>} bytes */
const runs = (bytes) => typeof WebAssembly === "object" && WebAssembly.validate(bytes);

/**
 * The fastest variant that this browser can run, or null if it has no SIMD at all.
 * @returns {"relaxed" | "simd128" | null}
 */
export function bestVariant() {
  if (!runs(SIMD128)) return null;
  return runs(RELAXED) ? "relaxed" : "simd128";
}
