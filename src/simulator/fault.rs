//! Everything that can go wrong with a call.

use super::named::named;

named! {
    /// What goes wrong with a call. In scripts and on the command line each has a text form, as `error:503:SlowDown`.
    pub enum Fault, "fault" {
        /// Access denied, without a reason.
        Denied => "denied",
        /// Access denied, with an explicit deny in a service control policy.
        ScpDenied => "scp-denied",
        /// Access denied, with an explicit deny in a resource control policy.
        RcpDenied => "rcp-denied",
        /// Throttled, in the words of the service.
        Throttled => "throttled",
        /// Throttled with status 429 and `Retry-After`, in seconds.
        RetryAfter(seconds: u64 = 2) => "retry-after",
        /// The service's own internal error, status 500.
        ServerError => "server-error",
        /// Any other error of AWS: status and code.
        Error(status: u16 = 503, code: &'static str = "SlowDown") => "error",
        /// This status and a load balancer's page, without an AWS error.
        Status(status: u16 = 502) => "status",
        /// No organization (`AWSOrganizationsNotInUseException`).
        NotInUse => "not-in-use",
        /// What is asked for does not exist, AWS says, although it does.
        NoSuchEntity => "no-such-entity",
        /// The account left the organization: its keys are unknown, and so is its number.
        AccountGone => "account-gone",
        /// The service is switched off in this region.
        RegionDisabled => "region-disabled",
        /// The caller's credentials expired.
        ExpiredToken => "expired-token",
        /// The caller's credentials are unknown.
        InvalidToken => "invalid-token",
        /// The signature is out of date, and the answer's `Date` is so many seconds ahead of the true time.
        ClockSkew(seconds: i64 = 86_400) => "clock-skew",
        /// The answer takes so many milliseconds more.
        Slow(milliseconds: u64 = 1_500) => "slow",
        /// Never answered; nothing takes effect.
        Hangs => "hangs",
        /// The connection closes before any byte of an answer; nothing takes effect.
        Reset => "reset",
        /// The call takes effect, and is never answered.
        AnswerHangs => "answer-hangs",
        /// The call takes effect, and the connection closes before any byte of the answer.
        AnswerLost => "answer-lost",
        /// One byte of the body a second.
        Trickles => "trickles",
        /// The connection closes after so many bytes of the body.
        CutBody(bytes: usize = 40) => "cut",
        /// So many bytes of the body, and a length that says this is all.
        Short(bytes: usize = 40) => "short",
        /// Half an answer whose length says that it is whole.
        Malformed => "malformed",
        /// A whole answer with one byte in its middle that breaks the syntax.
        Garbled => "garbled",
        /// A byte in the middle that is not UTF-8.
        InvalidUtf8 => "invalid-utf8",
        /// The right answer in UTF-16.
        Utf16 => "utf-16",
        /// Status 200 and nothing.
        EmptyBody => "empty-body",
        /// A proxy's page, with status 200.
        HtmlPage => "html-page",
        /// The right content in a root element (JSON: a member) of another name.
        WrongRoot => "wrong-root",
        /// The right answer in another XML namespace.
        WrongNamespace => "wrong-namespace",
        /// An answer without its first element (JSON: member) of this name.
        Without(element: &'static str = "Arn") => "without",
        /// An answer whose first element (JSON: member) of this name is empty.
        Empty(element: &'static str = "AssumeRolePolicyDocument") => "empty",
        /// A list's last page says that more follows, and gives no marker.
        TruncatedWithoutMarker => "truncated",
        /// A list's last page says that more follows, and gives the marker of the first page.
        RepeatingMarker => "repeating-marker",
        /// A list's last page says that more follows: empty pages with new markers, for ever.
        EndlessMarkers => "endless-markers",
        /// The answer names another account.
        WrongAccount => "wrong-account",
        /// The right answer behind a DTD.
        Doctype => "doctype",
        /// A DTD whose entities grow to a billion words, and an element that uses them in the right answer.
        EntityBomb => "entity-bomb",
        /// The right answer with so many elements (JSON: arrays) in each other.
        Nested(depth: usize = 100_000) => "nested",
        /// The right answer and white space, 100 MiB in all, and a length that says so.
        HugeBody => "huge-body",
        /// The same without a length.
        HugeStream => "huge-stream",
        /// `Content-Encoding: gzip` before bytes that are not.
        BrokenGzip => "broken-gzip",
        /// `Content-Encoding: gzip` and 100 KB that become 100 MB.
        GzipBomb => "gzip-bomb",
        /// A `Content-Encoding` nobody knows.
        UnknownEncoding => "unknown-encoding",
    }
}

impl Fault {
    /// Throttling in every code and with every status that AWS uses for it.
    pub const THROTTLES: &[Self] = &[
        Self::Throttled,
        Self::RetryAfter(1),
        Self::Status(429),
        Self::Error(400, "Throttling"),
        Self::Error(400, "ThrottlingException"),
        Self::Error(400, "ThrottledException"),
        Self::Error(400, "RequestThrottledException"),
        Self::Error(400, "TooManyRequestsException"),
        Self::Error(400, "RequestLimitExceeded"),
        Self::Error(400, "LimitExceededException"),
        Self::Error(429, "Throttling"),
        Self::Error(429, "TooManyRequestsException"),
        Self::Error(429, "RequestThrottled"),
        Self::Error(503, "Throttling"),
        Self::Error(503, "RequestLimitExceeded"),
        Self::Error(503, "SlowDown"),
        Self::Error(503, "BandwidthLimitExceeded"),
        Self::Error(503, "PriorRequestNotComplete"),
        Self::Error(503, "EC2ThrottledException"),
    ];

    /// Failures of the service, with and without an error that AWS wrote.
    pub const FAILURES: &[Self] = &[
        Self::ServerError,
        Self::Error(500, "InternalFailure"),
        Self::Error(500, "InternalError"),
        Self::Error(500, "ServiceFailure"),
        Self::Error(502, "BadGateway"),
        Self::Error(503, "ServiceUnavailable"),
        Self::Error(504, "RequestTimeout"),
        Self::Status(500),
        Self::Status(502),
        Self::Status(503),
        Self::Status(504),
    ];

    /// Clocks that differ by 5 and 16 minutes and by a day, both ways.
    pub const CLOCKS: &[Self] = &[
        Self::ClockSkew(300),
        Self::ClockSkew(-300),
        Self::ClockSkew(960),
        Self::ClockSkew(-960),
        Self::ClockSkew(86_400),
        Self::ClockSkew(-86_400),
    ];

    /// One of each sort, and every spelling of throttling, failure and wrong clock.
    pub fn examples() -> Vec<Self> {
        let all = [Self::EACH, Self::THROTTLES, Self::FAILURES, Self::CLOCKS].concat();
        let mut once = vec![];
        for fault in all {
            if !once.contains(&fault) {
                once.push(fault);
            }
        }
        once
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_of_a_fault_leads_back_to_it() {
        let examples = Fault::examples();
        assert!(examples.len() > 70, "{}", examples.len());
        for fault in examples {
            assert_eq!(fault.to_string().parse(), Ok(fault));
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault);
            assert!(fault.about().ends_with('.') && !fault.about().contains("  "), "{fault}");
            let (text, usage) = (fault.to_string(), fault.usage());
            assert_eq!(text.split(':').count(), usage.split(':').count(), "{usage}");
        }
        assert_eq!("without:MyOwn-1".parse(), Ok(Fault::Without("MyOwn-1")));
        assert_eq!(Fault::Error(503, "SlowDown").usage(), "error:status:code");
    }

    #[test]
    fn a_text_that_is_no_fault_is_told_what_would_be_one() {
        let cases = [
            ("throtled", "`throtled` is no fault: expected one of `denied`, "),
            ("", "`` is no fault: expected one of "),
            (
                "error",
                "`error` does not fit: expected `error:status:code`, as in `error:503:SlowDown`",
            ),
            ("error:503", "expected `error:status:code`"),
            ("error:99:X", "expected `error:status:code`"),
            ("error:503:", "expected `error:status:code`"),
            ("error:503:<x>", "expected `error:status:code`"),
            ("error:503:X:Y", "expected `error:status:code`"),
            ("cut:-1", "expected `cut:bytes`, as in `cut:40`"),
            ("hangs:1", "expected `hangs`, as in `hangs`"),
        ];
        for (text, want) in cases {
            let message = text.parse::<Fault>().unwrap_err().to_string();
            assert!(message.contains(want), "case `{text}`: {message}");
        }
    }
}
