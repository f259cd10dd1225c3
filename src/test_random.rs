//! Random numbers for tests. The tests in `tests/` include this file too.
#![allow(
    dead_code,
    reason = "not every test that includes this file uses all of it"
)]

/// A linear congruential generator (Numerical Recipes): the tests need no quality, only repeatability.
pub struct TestRandom(pub u32);

impl TestRandom {
    /// The upper 24 bits of the next state: those below repeat too soon.
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    /// A number from 0 to 65535, of the bits that repeat last.
    pub fn next_u16(&mut self) -> u32 {
        self.next() >> 8
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        self.next() % end
    }
}

/// The same with 64 bits of state (Knuth's MMIX), for tests that draw so often that 32 would repeat.
pub struct WideTestRandom(pub u64);

impl WideTestRandom {
    /// The upper 31 bits of the next state.
    pub fn next(&mut self) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.next() % end
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
