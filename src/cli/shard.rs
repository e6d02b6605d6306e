//! Which part of the organization a command is for: from flags, or from what Kubernetes says of the pod.

use std::fmt;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _};

use super::Cli;
use crate::model::{InvalidShard, Shard, printable_line};

/// Flags of the commands that sweep.
#[derive(Debug, Args)]
pub(super) struct Shards {
    /// Sweep only this part of the organization, counted from 0: several processes share it [default: with --total-shards, from
    /// JOB_COMPLETION_INDEX, or the number that POD_NAME or HOSTNAME ends in]
    #[arg(long, value_name = "N", env = "ROLEWARDEN_SHARD", requires = "total_shards")]
    shard: Option<u32>,
    /// How many parts there are; 1: everything. All processes are told the same
    #[arg(long, value_name = "N", env = "ROLEWARDEN_TOTAL_SHARDS", value_parser = total)]
    total_shards: Option<u32>,
}

/// A shard, and what said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) shard: Shard,
    source: Source,
}

/// What said which shard this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Flag,
    /// An Indexed Job numbers its pods.
    JobCompletionIndex,
    /// A StatefulSet numbers its pods in their names.
    PodName,
    /// By default a pod's host name is its own name.
    Hostname,
}

/// The environment does not say which shard this is, or names one there is not.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(
        "--total-shards {total} is given, but not which shard this is: {found}; give --shard N (0 to {last}), or run as a \
         StatefulSet or an Indexed Job", last = .total - 1
    )]
    Nothing { total: u32, found: String },
    #[error("JOB_COMPLETION_INDEX is `{0}`, which is no number: give --shard N instead")]
    Index(String),
    #[error(
        "{from} is `{text}`, and --total-shards is less than there are pods; make them the same, or give --shard N"
    )]
    Beyond { from: Source, text: String, source: InvalidShard },
}

impl Shards {
    /// The shard that flags or the environment name. What is wrong with flags ends the process, as the flag parser does.
    ///
    /// # Errors
    /// What is wrong with the environment.
    pub(super) fn found(&self) -> anyhow::Result<Found> {
        let Some(total) = self.total_shards else {
            return Ok(Found { shard: Shard::default(), source: Source::Flag });
        };
        let Some(ordinal) = self.shard else {
            return Ok(from_environment(total, |name| std::env::var(name).ok())?);
        };
        match Shard::new(ordinal, total) {
            Ok(shard) => Ok(Found { shard, source: Source::Flag }),
            Err(error) => {
                let message = format!("invalid value '{ordinal}' for '--shard <N>': {error}");
                Cli::command().error(ErrorKind::ValueValidation, message).exit()
            }
        }
    }
}

impl Found {
    /// Says which part of the organization is swept, and why that one.
    pub(super) fn log(self) {
        if !self.shard.is_whole() {
            let (ordinal, total) = (self.shard.ordinal(), self.shard.total());
            tracing::info!(ordinal, total, from = %self.source, "sharded");
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--shard",
            Self::JobCompletionIndex => "JOB_COMPLETION_INDEX",
            Self::PodName => "POD_NAME",
            Self::Hostname => "HOSTNAME",
        })
    }
}

fn total(text: &str) -> Result<u32, String> {
    let total = text.parse().map_err(|_| format!("expected a number, 1 to {}", Shard::MOST))?;
    Shard::new(0, total).map(Shard::total).map_err(|error| error.to_string())
}

/// What Kubernetes says of the pod.
fn from_environment(
    total: u32,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Found, Unusable> {
    let set = |source: Source| variable(&source.to_string()).filter(|text| !text.is_empty());
    if total == 1 {
        return Ok(Found { shard: Shard::default(), source: Source::Flag });
    }
    let mut found = vec!["JOB_COMPLETION_INDEX is not set".to_owned()];
    if let Some(text) = set(Source::JobCompletionIndex) {
        let ordinal = digits(&text).ok_or_else(|| Unusable::Index(printable_line(&text, 64)))?;
        return checked(ordinal, total, Source::JobCompletionIndex, &text);
    }
    for source in [Source::PodName, Source::Hostname] {
        let Some(text) = set(source) else {
            found.push(format!("{source} is not set"));
            continue;
        };
        match text.rsplit_once('-').and_then(|(_, end)| digits(end)) {
            Some(ordinal) => return checked(ordinal, total, source, &text),
            None => {
                let text = printable_line(&text, 64);
                found.push(format!("{source} `{text}` does not end in `-` and a number"));
            }
        }
    }
    Err(Unusable::Nothing { total, found: found.join(", ") })
}

fn checked(ordinal: u32, total: u32, source: Source, text: &str) -> Result<Found, Unusable> {
    match Shard::new(ordinal, total) {
        Ok(shard) => Ok(Found { shard, source }),
        Err(error) => {
            Err(Unusable::Beyond { from: source, text: printable_line(text, 64), source: error })
        }
    }
}

/// Digits and nothing else: a sign is no number of a pod.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'a> = (&'a str, u32, &'a [(&'a str, &'a str)], Result<(u32, Source), &'a str>);

    #[test]
    fn kubernetes_says_which_shard_a_pod_is() {
        let job = ("JOB_COMPLETION_INDEX", "2");
        let cases: [Case<'_>; 14] = [
            (
                "an indexed job",
                4,
                &[job, ("HOSTNAME", "scan-2-x7k9q")],
                Ok((2, Source::JobCompletionIndex)),
            ),
            (
                "a job before a name",
                4,
                &[job, ("POD_NAME", "a-1")],
                Ok((2, Source::JobCompletionIndex)),
            ),
            (
                "a stateful set",
                4,
                &[("POD_NAME", "rolewarden-3"), ("HOSTNAME", "b-1")],
                Ok((3, Source::PodName)),
            ),
            ("its host name", 4, &[("HOSTNAME", "role-warden-0")], Ok((0, Source::Hostname))),
            (
                "a name without a number",
                4,
                &[("POD_NAME", "a-x7k9q"), ("HOSTNAME", "b-1")],
                Ok((1, Source::Hostname)),
            ),
            ("one shard is everything", 1, &[], Ok((0, Source::Flag))),
            ("one shard, whoever this is", 1, &[("HOSTNAME", "b-7")], Ok((0, Source::Flag))),
            (
                "an empty variable",
                4,
                &[("JOB_COMPLETION_INDEX", ""), ("HOSTNAME", "b-1")],
                Ok((1, Source::Hostname)),
            ),
            (
                "nothing",
                4,
                &[],
                Err("JOB_COMPLETION_INDEX is not set, POD_NAME is not set, HOSTNAME is not set"),
            ),
            (
                "a deployment",
                4,
                &[("HOSTNAME", "rolewarden-6d4cf-x7k9q")],
                Err("HOSTNAME `rolewarden-6d4cf-x7k9q` does not end in"),
            ),
            ("no dash", 4, &[("HOSTNAME", "3")], Err("give --shard N (0 to 3)")),
            (
                "no number",
                4,
                &[("JOB_COMPLETION_INDEX", "+1")],
                Err("JOB_COMPLETION_INDEX is `+1`, which is no number"),
            ),
            (
                "beyond",
                4,
                &[("POD_NAME", "rolewarden-4")],
                Err("give --shard N: there is no shard 4 of 4"),
            ),
            ("far beyond", 4, &[("HOSTNAME", "a-99999999999")], Err("does not end in")),
        ];
        for (case, total, variables, want) in cases {
            let variable = |name: &str| {
                variables.iter().find(|(of, _)| *of == name).map(|(_, text)| (*text).to_owned())
            };
            match (from_environment(total, variable), want) {
                (Ok(found), Ok(want)) => {
                    assert_eq!((found.shard.ordinal(), found.source), want, "case `{case}`");
                    assert_eq!(found.shard.total(), total, "case `{case}`");
                }
                (Err(error), Err(want)) => {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    assert!(error.contains(want), "case `{case}`: {error}");
                }
                (got, want) => panic!("case `{case}`: {got:?}, not {want:?}"),
            }
        }
    }
}
