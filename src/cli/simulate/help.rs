//! What `rolewarden simulate --help` says beyond its flags. Lists come from the code, so that they are whole.

use std::fmt::Write as _;

use crate::simulator::{CONTROL, Fault, Kind, Operation, Paging};

/// The long help.
pub(in crate::cli) fn text() -> String {
    let operations: Vec<&str> = Operation::ALL.iter().map(|operation| operation.as_str()).collect();
    let mut out = String::new();
    let _ = write!(
        out,
        "{SIMULATED}\n{}\n{NOT_SIMULATED}\n{REHEARSAL}\n{SCRIPT}\nFaults, by name:\n{}\n{PAGING}\n{}\n\
         Kinds of accounts, by name:\n{}\nThe control endpoint:\n{}",
        filled(&operations, 2),
        table(Fault::EACH.iter().map(|fault| (fault.usage(), fault.about()))),
        table(Paging::EACH.iter().map(|paging| (paging.usage(), paging.about()))),
        table(Kind::EACH.iter().map(|kind| (kind.usage(), kind.about()))),
        indented(CONTROL),
    );
    out.truncate(out.trim_end().len());
    out
}

const SIMULATED: &str = "\
What is simulated: STS, Organizations, IAM and the clusters of EKS, over HTTP on the loopback
interface, for one organization made from a seed. Its base credentials are a user of the account
that is the hub. No account has clusters until the control endpoint gives it some.
Every account has the roles rolewarden-scan, rolewarden-remediate and, for people,
AdministratorRole; all three trust the hub. AssumeRole, session policies, paging, error codes
and percent-encoded documents are as AWS has them. The operations:
";

const NOT_SIMULATED: &str = "\
What is not: signatures are verified with --check-signatures only (keys and session tokens
always are), policies of the simulated roles are stored but not evaluated, conditions in session
policies are ignored, nothing outlives the process, and there is no TLS.
";

const REHEARSAL: &str = "\
A rehearsal, with curl, jq and the AWS CLI:

  eval \"$(rolewarden simulate &)\"       # the lines on stdout: endpoint and credentials
  S=$AWS_ENDPOINT_URL/_simulator
  echo 'accounts: {source: organization}' > rolewarden.yaml
  rolewarden scan                       # drift, and accounts that cannot be read: status 5

  # An account that is right: somebody opens it.
  ID=$(curl -s $S/accounts | jq -r 'map(select(.kind == \"eksctl\"))[0].id')
  rolewarden scan --account $ID         # status 0
  curl -s -X PATCH $S/accounts/$ID -d '{\"kind\": \"everyone\"}'
  curl -s -X DELETE $S/calls
  rolewarden scan --account $ID         # drifted: status 3
  curl -s \"$S/calls?account=$ID\"        # what that took

  # Repaired with credentials of the account, by the commands that the finding names.
  rolewarden scan --account $ID --format json | jq -r '.accounts[].findings[]?.fix[]' > fix.sh
  (
    set -- $(aws sts assume-role --role-arn arn:aws:iam::$ID:role/AdministratorRole \\
      --role-session-name repair --output text \\
      --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
    export AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=$3
    sh -ex fix.sh
  )
  rolewarden scan --account $ID         # status 0 again

  # AWS has a bad day: slow, and in this account GetRole is always throttled.
  curl -s -X PATCH $S/world -d '{\"latency_ms\": 50}'
  curl -s -X POST $S/faults -d '{\"operation\": \"GetRole\", \"account\": \"'$ID'\", \"fault\": \"throttled\"}'
  rolewarden scan --account $ID         # unknown: status 4
  curl -s -X DELETE $S/faults
  kill $SIMULATOR_PID
";

const SCRIPT: &str = "\
A fault script is a list of rules, in YAML or JSON; the first that fits a call wins. Only
`fault` is needed. `operation` is an operation, iam, sts, organizations, eks or any; `calls`
are counted from 0, as 3, 0..5 or 2..; over all accounts together, in one `account`, or, with
`counted: per-account`, in each by itself:

  - {operation: ListAccounts, calls: 1, fault: 'error:503:SlowDown'}
  - {operation: AssumeRole, calls: 0..2, counted: per-account, fault: throttled}
  - {operation: iam, account: '111122223333', fault: hangs}
";

const PAGING: &str = "\
Pages of Organizations are no faults of single calls: they are set for the whole list, with
`paging` of the control endpoint:
";

/// Columns of the help; narrower terminals get what fits them.
fn width() -> usize {
    let terminal = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    terminal.clamp(60, 100).saturating_sub(2)
}

/// Names, and what each is, in two columns.
fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let widest = rows.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
    rows.fold(String::new(), |mut out, (name, about)| {
        let words: Vec<&str> = about.split(' ').collect();
        let _ = write!(out, "  {name:widest$}  ");
        out.push_str(filled(&words, widest + 4).trim_start());
        out
    })
}

/// Words in lines, each of them indented.
fn filled(words: &[&str], indent: usize) -> String {
    let (margin, width) = (" ".repeat(indent), width());
    let mut out = margin.clone();
    let mut column = indent;
    for (n, word) in words.iter().enumerate() {
        if n > 0 && column + 1 + word.len() > width {
            let _ = write!(out, "\n{margin}{word}");
            column = indent + word.len();
        } else {
            let blank = if n > 0 { " " } else { "" };
            let _ = write!(out, "{blank}{word}");
            column += blank.len() + word.len();
        }
    }
    out.push('\n');
    out
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "  {line}");
        out
    })
}
