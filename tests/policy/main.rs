//! The proof of the policy engine: a second evaluator, random pairs, rewrite laws, hostile documents and a corpus.

#[cfg(test)]
mod accepted;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod enumeration;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod rewrites;
#[cfg(test)]
mod spelling;
#[cfg(test)]
mod strictness;
