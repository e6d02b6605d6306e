//! Bounded work: policy text is written by people we do not trust.

/// What one comparison may still cost. Spent means `undecided`, never a guess.
#[derive(Debug)]
pub(super) struct Budget {
    /// Machine words the automata may still touch.
    words: u64,
    /// Bytes they may still remember.
    bytes: usize,
}

/// What several questions about the same policies may cost together: three times what one comparison may.
#[derive(Debug)]
pub struct Purse {
    words: u64,
}

impl Default for Purse {
    fn default() -> Self {
        Self { words: 3 * Budget::default().words }
    }
}

impl Purse {
    /// The budget of the next question: all that is left, and no more than one comparison may spend. Memory is each its own.
    pub(super) fn next(&self) -> Budget {
        let whole = Budget::default();
        Budget { words: self.words.min(whole.words), ..whole }
    }

    /// Takes what a question has spent.
    pub(super) fn settle(&mut self, given: &Budget, left: &Budget) {
        self.words = self.words.saturating_sub(given.words.saturating_sub(left.words));
    }
}

/// The budget is spent; no claim is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent;

impl Default for Budget {
    /// Some 10 ms and 8 MiB on a slow core: well inside the 50 ms and 16 MiB promised.
    fn default() -> Self {
        Self { words: 10_000_000, bytes: 8 << 20 }
    }
}

impl Budget {
    /// A small budget of its own for what is nice to have: it takes nothing from what must be decided.
    pub(super) fn courtesy() -> Self {
        Self { words: 1_000_000, bytes: 0 }
    }

    /// Takes work, counted in machine words touched.
    pub(super) fn work(&mut self, words: usize) -> Result<(), Spent> {
        self.words = self.words.checked_sub(words as u64).ok_or(Spent)?;
        Ok(())
    }

    /// Takes memory. It is not given back before the comparison ends unless by [`Budget::release`].
    pub(super) fn remember(&mut self, bytes: usize) -> Result<(), Spent> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Spent)?;
        Ok(())
    }

    /// Gives memory back.
    pub(super) fn release(&mut self, bytes: usize) {
        self.bytes += bytes;
    }
}
