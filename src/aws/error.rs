//! What went wrong in a call, as one of the closed set of reasons, with a hint that says what to do, and whether the call
//! may be sent again.
//!
//! Only the `source()` chain of an SDK error is ever shown: its `Debug` prints raw answers, secrets included.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::interceptors::error::InterceptorError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use http_body_util::LengthLimitError;

use super::denied::denied;
use super::traffic::CallOutcome;
use super::whole::NotWhole;
use crate::model::{ScanError, UnknownReason, printable_line};

/// Longest message kept from an answer or a source chain, in bytes.
const MESSAGE_LIMIT: usize = 600;

/// IAM's word for "there is no such role or policy".
const NO_SUCH_ENTITY: &str = "NoSuchEntity";

/// EKS's word for "there is no such cluster".
pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";

/// What the base credentials' failure asks for, at start and later.
pub(super) const CREDENTIALS_HINT: &str = "give rolewarden AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
     AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN for temporary ones), or run it with IRSA, EKS Pod Identity, or an ECS or EC2 role";

/// A call that failed, and what that means for another attempt.
#[derive(Debug)]
pub(super) struct Failure {
    /// What is reported if this was the last attempt.
    pub(super) error: ScanError,
    /// Whether there may be another.
    pub(super) again: Again,
    /// How long AWS asked to wait before it.
    pub(super) after: Option<Duration>,
    /// Whether AWS said no, or was never asked: a write then did nothing. Where it is not known, it is not so.
    pub(super) refused: bool,
}

impl Failure {
    /// A call that was never sent.
    pub(super) fn unsent(operation: &str) -> Self {
        Self { error: no_turn(operation), again: Again::Slower, after: None, refused: true }
    }

    /// What the attempt is counted as.
    pub(super) fn outcome(&self) -> CallOutcome {
        use UnknownReason as R;
        let code = self.error.code.as_deref();
        match (self.error.reason, self.again) {
            _ if code.is_some_and(|code| code.starts_with(NO_SUCH_ENTITY) || code == NOT_FOUND) => {
                CallOutcome::NotFound
            }
            (R::AssumeDenied | R::ScpDenied | R::AccessDenied, _) => CallOutcome::AccessDenied,
            (R::Throttled, _) => CallOutcome::Throttled,
            (R::Timeout, _) => CallOutcome::Timeout,
            (R::Network, _) => CallOutcome::Network,
            (_, Again::Later) => CallOutcome::ServerError,
            _ => CallOutcome::ClientError,
        }
    }
}

/// Whether the same call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The answer would be the same.
    Never,
    /// Throttled: again, but slower.
    Slower,
    /// AWS had a fault, or the answer could not be read.
    Later,
    /// Nothing came back, which may cost a whole time-out each time.
    Unreached,
    /// The signature was refused; the SDK signs the next attempt by AWS's clock.
    Resigned,
}

impl Again {
    /// Attempts of one call that are worth it, the first included, of those allowed.
    pub(super) fn attempts(self, allowed: u32) -> u32 {
        match self {
            Self::Never => 1,
            Self::Slower | Self::Later => allowed,
            Self::Unreached => allowed.min(3),
            Self::Resigned => allowed.min(2),
        }
    }

    /// Follows from the reason; of those that have several causes, status and code decide where AWS answered.
    fn of(reason: UnknownReason, answer: Option<(u16, &str)>) -> Self {
        use UnknownReason as R;
        match reason {
            R::Throttled => Self::Slower,
            R::Timeout | R::Network => Self::Unreached,
            R::Clock => Self::Resigned,
            R::AwsError => match answer {
                Some((status, code)) if status >= 500 || is_server_fault(code) => Self::Later,
                _ => Self::Never,
            },
            R::MalformedResponse => match answer {
                Some((status, _)) if !(200..300).contains(&status) => Self::Never,
                _ => Self::Later,
            },
            R::AssumeDenied
            | R::ScpDenied
            | R::AccessDenied
            | R::WrongAccount
            | R::Unstable
            | R::Undecided
            | R::AccountGone
            | R::Internal
            | R::Pending
            | R::Stale => Self::Never,
        }
    }
}

/// AWS's own faults, which some services send with status 400.
fn is_server_fault(code: &str) -> bool {
    matches!(
        code,
        "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServiceError"
            | "InternalServiceException"
            | "ServiceException"
            | "ServiceFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
    )
}

/// Maps a failed call. `operation` is written as `iam:GetRole`.
pub(super) fn failure<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (mut mapped, again, refused) = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let message = service.err().message().unwrap_or_default();
            let mapped = answered(operation, status, code, message);
            let again = Again::of(mapped.reason, Some((status, code)));
            let refused = is_refusal(&mapped, again, status);
            (mapped, again, refused)
        }
        other => {
            let mapped = unanswered(other);
            let again = Again::of(mapped.reason, None);
            let refused = never_sent(other);
            (mapped, again, refused)
        }
    };
    mapped.request_id = error.request_id().map(|id| printable_line(id, 128));
    let after = error.raw_response().and_then(|raw| {
        let header = |name| raw.headers().get(name)?.parse::<u32>().ok().map(u64::from);
        let seconds = header("retry-after").map(Duration::from_secs);
        seconds.or_else(|| header("x-amz-retry-after").map(Duration::from_millis))
    });
    Failure { error: mapped.during(operation), again, after, refused }
}

/// Whether an error answer is AWS's own word that nothing was done. Without a code it is somebody else's on the way, and
/// AWS's faults tell nothing; throttling is a refusal with every status.
fn is_refusal(error: &ScanError, again: Again, status: u16) -> bool {
    let refusal = match error.reason {
        UnknownReason::Throttled => true,
        UnknownReason::Timeout => false,
        _ => again != Again::Later && (400..500).contains(&status),
    };
    refusal && error.code.is_some()
}

/// Whether the request never left: it could not be built, or there was nothing to sign it with.
fn never_sent<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ConstructionFailure(_))
        || chain(error).any(|source| source.is::<CredentialsError>())
}

/// AWS answered with an error.
fn answered(operation: &str, status: u16, code: &str, message: &str) -> ScanError {
    let (reason, hint) = classify(operation, status, code, message);
    let message = match (message.is_empty(), code.is_empty()) {
        (false, _) => printable_line(message, MESSAGE_LIMIT),
        (true, false) => {
            format!("answered `{}` with HTTP status {status}", printable_line(code, 128))
        }
        (true, true) if (200..300).contains(&status) => "the answer could not be read".to_owned(),
        (true, true) => format!("answered HTTP status {status} without an AWS error code"),
    };
    let mut error = ScanError::new(reason, message);
    error.code = (!code.is_empty()).then(|| printable_line(code, 128));
    error.hint = hint;
    error
}

/// Reason and hint of an error answer: by code, and by status where there is no code.
fn classify(
    operation: &str,
    status: u16,
    code: &str,
    message: &str,
) -> (UnknownReason, Option<String>) {
    use UnknownReason as R;
    let assuming = operation == "sts:AssumeRole";
    let hint = |text: &str| Some(text.to_owned());
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottledException"
        | "RequestThrottled"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "LimitExceededException" => (R::Throttled, throttled_hint()),
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "UnauthorizedAccess"
        | "NotAuthorized" => denied(operation, message),
        NO_SUCH_ENTITY | "NoSuchEntityException" => {
            (R::Unstable, hint("it was deleted while being read; scan again"))
        }
        "RequestTimeTooSkewed"
        | "RequestExpired"
        | "RequestInTheFuture"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException" => (
            R::Clock,
            hint(
                "set this machine's clock by NTP; if it is right, the secret access key does not belong to the access key id",
            ),
        ),
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => (
            R::AwsError,
            hint(
                "the credentials ended before they were replaced: renew the base credentials and scan again",
            ),
        ),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure" => (
            R::AwsError,
            hint(
                "AWS does not know these credentials: check them, the partition and `access.region` (an opt-in region needs a region-enabled token)",
            ),
        ),
        "RegionDisabledException" => (
            R::AwsError,
            hint(
                "STS is switched off in this region for that account: activate the region there or set `access.region` to one that is active",
            ),
        ),
        "OptInRequired" => (
            R::AwsError,
            hint("the account has not finished signing up, or the region is not enabled"),
        ),
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => (
            R::AwsError,
            hint(
                "session tags and session policy together are too large: set `access.session_policy: none` or disable the session tags of Pod Identity",
            ),
        ),
        "ValidationError" if assuming && message.contains("DurationSeconds") => (
            R::AwsError,
            hint(
                "lower `access.session_duration`: the role's longest session is shorter, or a chained session would pass one hour",
            ),
        ),
        "AWSOrganizationsNotInUseException" => (
            R::AwsError,
            hint(
                "this account is in no organization: list the accounts with `accounts.source: list`",
            ),
        ),
        "AccountNotFoundException" | "TargetNotFoundException" | "ChildNotFoundException" => (
            R::AccountGone,
            hint(
                "the account left the organization during the sweep; the next sweep will not list it",
            ),
        ),
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if assuming => (
            R::Internal,
            hint("AWS refused the session policy: set `access.session_policy: none` and report it"),
        ),
        "RequestTimeout" | "RequestTimeoutException" => (R::Timeout, timeout_hint()),
        "" => by_status(status),
        _ if status == 429 => (R::Throttled, throttled_hint()),
        code if status >= 500 || is_server_fault(code) => {
            (R::AwsError, hint("AWS had a fault; scan again"))
        }
        _ => (
            R::AwsError,
            hint(
                "look the code up in AWS's reference of this call; AWS support asks for the request id",
            ),
        ),
    }
}

/// No code: something between AWS and here answered, or the body was lost.
fn by_status(status: u16) -> (UnknownReason, Option<String>) {
    match status {
        429 => (UnknownReason::Throttled, throttled_hint()),
        408 => (UnknownReason::Timeout, timeout_hint()),
        500.. => (UnknownReason::AwsError, Some("AWS or a proxy had a fault; scan again".to_owned())),
        _ => (
            UnknownReason::MalformedResponse,
            Some("AWS names a code with every error: look for a proxy or a wrong endpoint that answers instead".to_owned()),
        ),
    }
}

fn throttled_hint() -> Option<String> {
    Some(
        "lower `sweep.concurrency`, or look for another program that spends the same quota"
            .to_owned(),
    )
}

fn timeout_hint() -> Option<String> {
    Some("look at the network path to AWS, or raise `sweep.attempt_timeout`".to_owned())
}

/// No answer that could be read.
fn unanswered<E>(error: &SdkError<E, HttpResponse>) -> ScanError
where
    E: Error + 'static,
{
    use UnknownReason as R;
    if chain(error).any(|source| source.is::<CredentialsError>()) {
        return ScanError::new(R::AwsError, format!("no usable credentials: {}", causes(error)))
            .hint(CREDENTIALS_HINT);
    }
    match error {
        SdkError::TimeoutError(_) => {
            let error =
                ScanError::new(R::Timeout, format!("no whole answer in time: {}", causes(error)));
            ScanError { hint: timeout_hint(), ..error }
        }
        SdkError::DispatchFailure(_) => {
            ScanError::new(R::Network, format!("no connection: {}", causes(error)))
                .hint("look at DNS, proxy, firewall and TLS between here and AWS")
        }
        // A body in memory arrived whole; one that is not there broke on its way.
        SdkError::ResponseError(answer)
            if answer.raw().body().bytes().is_none()
                && !chain(error).any(|s| s.is::<NotWhole>() || s.is::<LengthLimitError>()) =>
        {
            let message = format!("the connection broke in the answer: {}", causes(error));
            ScanError::new(R::Network, message)
                .hint("look at proxy and network between here and AWS; scan again")
        }
        SdkError::ResponseError(_) => {
            let message = format!("unreadable answer: {}", causes(error));
            ScanError::new(R::MalformedResponse, message)
                .hint("look for a proxy or an emulator that changes answers; scan again")
        }
        _ => ScanError::new(
            R::Internal,
            format!("the request could not be built: {}", causes(error)),
        )
        .hint("this is a defect of rolewarden: please report it"),
    }
}

/// The error and its causes, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The causes in one line; the outermost text only says which kind of failure it is, which the caller says better.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let told = |source: &&(dyn Error + 'static)| !source.is::<InterceptorError>();
    let inner: Vec<String> = chain(error).skip(1).filter(told).map(ToString::to_string).collect();
    let text = if inner.is_empty() { error.to_string() } else { inner.join(": ") };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    printable_line(&lines.join("; "), MESSAGE_LIMIT)
}

/// A call that was never sent: so many of the same quota go before it.
pub(super) fn no_turn(operation: &str) -> ScanError {
    let message =
        "AWS throttles these calls, and this one's turn would come after the account's deadline";
    let error = ScanError::new(UnknownReason::Throttled, message).during(operation);
    ScanError { hint: throttled_hint(), ..error }
}

/// An answer that is not what the API promises.
pub(super) fn malformed(operation: &str, what: impl Into<String>) -> ScanError {
    ScanError::new(UnknownReason::MalformedResponse, what)
        .during(operation)
        .hint("look for a proxy or an emulator that changes answers; scan again")
}

/// An answer that speaks of another account than the asked one.
pub(super) fn wrong_account(operation: &str, asked: &str, answered: &str) -> ScanError {
    let answered = printable_line(answered, 256);
    ScanError::new(UnknownReason::WrongAccount, format!("asked account {asked}, but `{answered}` answered"))
        .during(operation)
        .hint("look for a proxy, a cache or an endpoint that mixes up accounts; nothing of this answer was used")
}

/// Reads of one snapshot that do not fit together.
pub(super) fn unstable(operation: &str, what: impl Into<String>) -> ScanError {
    ScanError::new(UnknownReason::Unstable, what)
        .during(operation)
        .hint("the role changed while it was read; scan again")
}

/// Whether a write met a role that is not as it was, or is being changed by somebody else: nothing was written, and
/// another read may tell why.
pub(super) fn is_conflict(error: &ScanError) -> bool {
    let taken = error.message.contains("has been taken");
    match error.code.as_deref().unwrap_or_default() {
        NO_SUCH_ENTITY
        | "NoSuchEntityException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "DeleteConflict"
        | "DeleteConflictException" => true,
        // What is said of a service-linked role that is there already.
        "InvalidInput" | "InvalidInputException" => taken,
        _ => false,
    }
}

/// Whether IAM said that the thing asked for does not exist.
pub(super) fn is_no_such_entity(error: &ScanError) -> bool {
    error.code.as_deref() == Some(NO_SUCH_ENTITY)
}

/// Whether the session's credentials ended.
pub(super) fn is_expired(error: &ScanError) -> bool {
    matches!(error.code.as_deref(), Some("ExpiredToken" | "ExpiredTokenException"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_answer_has_a_reason_and_most_say_what_to_do() {
        use UnknownReason as R;
        let scp = "User: x is not authorized to perform: iam:GetRole with an explicit deny in a service control policy";
        let rcp = "denied: no Resource Control Policy allows the sts:AssumeRole action";
        let cases = [
            (
                "sts:AssumeRole",
                403,
                "AccessDenied",
                "not authorized",
                R::AssumeDenied,
                "deploy the member role",
            ),
            (
                "sts:AssumeRole",
                403,
                "AccessDenied",
                "perform: sts:TagSession on",
                R::AssumeDenied,
                "sts:TagSession",
            ),
            ("sts:AssumeRole", 403, "AccessDenied", rcp, R::ScpDenied, "resource control policy"),
            ("iam:GetRole", 403, "AccessDenied", scp, R::ScpDenied, "service control policy"),
            (
                "iam:ListRolePolicies",
                403,
                "AccessDenied",
                "no",
                R::AccessDenied,
                "allow `iam:ListRolePolicies`",
            ),
            (
                "organizations:ListAccounts",
                400,
                "AccessDeniedException",
                "no",
                R::AccessDenied,
                "delegated administrator",
            ),
            ("iam:GetRole", 400, "Throttling", "Rate exceeded", R::Throttled, "sweep.concurrency"),
            ("iam:GetRole", 429, "", "", R::Throttled, "sweep.concurrency"),
            ("iam:GetRole", 503, "SlowDown", "", R::Throttled, "sweep.concurrency"),
            (
                "organizations:ListAccounts",
                400,
                "TooManyRequestsException",
                "",
                R::Throttled,
                "sweep.concurrency",
            ),
            ("iam:GetRole", 500, "ServiceFailure", "", R::AwsError, "scan again"),
            ("iam:GetRole", 502, "", "", R::AwsError, "scan again"),
            ("iam:GetRole", 403, "", "", R::MalformedResponse, "proxy"),
            ("iam:GetRole", 403, "RequestTimeTooSkewed", "", R::Clock, "NTP"),
            ("iam:GetRole", 403, "SignatureDoesNotMatch", "Signature expired", R::Clock, "NTP"),
            ("iam:GetRole", 403, "ExpiredToken", "", R::AwsError, "renew"),
            ("sts:AssumeRole", 400, "ExpiredTokenException", "", R::AwsError, "renew"),
            ("sts:AssumeRole", 403, "InvalidClientTokenId", "", R::AwsError, "access.region"),
            (
                "sts:AssumeRole",
                403,
                "RegionDisabledException",
                "",
                R::AwsError,
                "activate the region",
            ),
            ("sts:AssumeRole", 400, "PackedPolicyTooLarge", "", R::AwsError, "session_policy"),
            (
                "sts:AssumeRole",
                400,
                "ValidationError",
                "The requested DurationSeconds",
                R::AwsError,
                "session_duration",
            ),
            ("sts:AssumeRole", 400, "MalformedPolicyDocument", "", R::Internal, "session_policy"),
            (
                "organizations:DescribeOrganization",
                400,
                "AWSOrganizationsNotInUseException",
                "",
                R::AwsError,
                "source: list",
            ),
            (
                "organizations:ListTagsForResource",
                400,
                "TargetNotFoundException",
                "",
                R::AccountGone,
                "left",
            ),
            ("iam:GetRole", 404, "NoSuchEntity", "", R::Unstable, "scan again"),
            ("iam:GetRole", 408, "RequestTimeout", "", R::Timeout, "attempt_timeout"),
        ];
        for (operation, status, code, message, reason, hint) in cases {
            let error = answered(operation, status, code, message);
            let case = format!("case `{operation} {status} {code}`: {error:?}");
            assert_eq!(error.reason, reason, "{case}");
            assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{case}");
            assert!(!error.message.is_empty(), "{case}");
        }
    }

    #[test]
    fn text_of_an_answer_is_made_printable_and_cut() {
        let error =
            answered("iam:GetRole", 400, "Odd\u{1b}[31m", &format!("\u{202e}{}", "x".repeat(2000)));
        assert_eq!(error.code.as_deref(), Some("Odd\\u{1b}[31m"));
        assert!(error.message.starts_with("\\u{202e}x"));
        assert!(error.message.len() < 700);
    }
}
