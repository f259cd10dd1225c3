//! Random numbers for tests. The tests in `tests/` include this file too.

/// A linear congruential generator (Numerical Recipes): the tests need no quality, only repeatability.
pub struct TestRandom(pub u32);

#[allow(
    dead_code,
    reason = "not every test that includes this file uses all of it"
)]
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
