//! Reproducible random numbers.

/// A generator (xorshift). The seed alone decides its numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Each seed gives other numbers.
    pub fn new(seed: u64) -> Self {
        // Similar seeds must differ from the first number on, and the state 0 would stay 0.
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `max`.
    pub fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % max as u64).expect("below a usize")
    }

    /// Returns true once in `n` calls, on average.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns one of the items.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_the_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            (0..20).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), numbers(0));
        assert_ne!(numbers(0), numbers(1));
        assert!(numbers(7).iter().any(|&number| number > 500));
    }
}
