//! Roles that change while they are read: random, but wrong, or right, at every instant.

use fastrand::Rng;

/// What a role is made of, each read by a call of its own. 0 is right; every other number is wrong in a way of its own.
pub(crate) type Parts = [u64; PARTS];
pub(crate) const PARTS: usize = 4;
pub(crate) const TRUST: usize = 0;
pub(crate) const INLINE: usize = 1;
/// A second inline policy: wrong is that there is one.
pub(crate) const EXTRA: usize = 2;
/// An attached policy: wrong is that there is one.
pub(crate) const ATTACHED: usize = 3;

/// A role over time: what it becomes, and when, in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) first: Parts,
    pub(crate) then: Vec<(u64, Parts)>,
}

impl Timeline {
    /// A role with a fault at every instant. A part that was right and became wrong stays wrong, unless parts may go
    /// `there_and_back`: that is what two equal readings cannot exclude.
    pub(crate) fn always_wrong(rng: &mut Rng, until: u64, there_and_back: bool) -> Self {
        let mut next = 0;
        let mut wrong = |parts: &mut Parts, part: usize| {
            next += 1;
            parts[part] = next;
        };
        let mut parts = Parts::default();
        let (one, other) = (rng.usize(0..PARTS), rng.usize(0..PARTS));
        wrong(&mut parts, one);
        wrong(&mut parts, other);
        let first = parts;
        let mut was_right = parts.map(|part| part == 0);
        let mut then = vec![];
        for at in times(rng, until) {
            let part = rng.usize(0..PARTS);
            let others_wrong = parts.iter().enumerate().any(|(n, at)| n != part && *at != 0);
            let may_mend = others_wrong && (there_and_back || !was_right[part]);
            if parts[part] != 0 && may_mend && rng.u8(0..4) > 0 {
                parts[part] = 0;
                was_right[part] = true;
            } else {
                wrong(&mut parts, part);
            }
            assert!(parts.iter().any(|part| *part != 0));
            then.push((at, parts));
        }
        Self { first, then }
    }

    /// A role whose parts change, in ways that mean nothing.
    pub(crate) fn always_right(rng: &mut Rng, until: u64) -> Self {
        let mut parts = Parts::default();
        let then = times(rng, until).into_iter().zip(1..).map(|(at, next)| {
            parts[rng.usize(0..PARTS)] = next;
            (at, parts)
        });
        let then = then.collect();
        Self { first: Parts::default(), then }
    }

    /// What the role is by then.
    pub(crate) fn at(&self, now: u64) -> Parts {
        let past = self.then.iter().take_while(|(at, _)| *at <= now);
        past.last().map_or(self.first, |(_, parts)| *parts)
    }
}

/// When a few changes happen, in order: often close together.
fn times(rng: &mut Rng, until: u64) -> Vec<u64> {
    let mut at = rng.u64(0..until);
    let times = (0..rng.usize(1..=6)).map(|_| {
        at += if rng.bool() { rng.u64(1..20) } else { rng.u64(1..until) };
        at
    });
    times.collect()
}
