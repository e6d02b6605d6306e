//! Every mistake, and the exact lines it gives.

/// Mistakes in the second line of a file that is otherwise right, and the lines they give.
pub(super) const MISTAKES: &[(&str, &[&str])] = &[
    (
        "sweep: {concurency: 3}",
        &["c.yaml:2:9: sweep.concurency: unknown key; did you mean `concurrency`?"],
    ),
    ("sweeep: {}", &["c.yaml:2:1: sweeep: unknown key; did you mean `sweep`?"]),
    ("sweep: []", &["c.yaml:2:8: sweep: expected a mapping of keys, found a list"]),
    (
        "banana: 1",
        &[
            "c.yaml:2:1: banana: unknown key; expected accounts, access, baseline, checks, fail_on, exceptions, exceptions_file, sweep, log, remediation, store or web",
        ],
    ),
    ("1: x", &["c.yaml:2:1: expected a key, found the number `1`"]),
    (
        "sweep: {concurrency: 0}",
        &[
            "c.yaml:2:22: sweep.concurrency: expected a whole number from 1 to 1024, found the number `0`",
        ],
    ),
    (
        "sweep: {concurrency: many}",
        &["c.yaml:2:22: sweep.concurrency: expected a whole number from 1 to 1024, found `many`"],
    ),
    (
        "sweep: {concurrency: 1.5}",
        &[
            "c.yaml:2:22: sweep.concurrency: expected a whole number from 1 to 1024, found the number `1.5`",
        ],
    ),
    (
        "sweep: {concurrency: 010}",
        &[
            "c.yaml:2:22: sweep.concurrency: expected a whole number from 1 to 1024, found the number `010`; write it in plain decimal digits, such as 10",
        ],
    ),
    (
        "remediation: {max_accounts: &x 0x10, max_percent: *x}",
        &[
            "c.yaml:2:32: remediation.max_accounts: expected a whole number from 0 to 100000, found the number `0x10`; write it in plain decimal digits, such as 10",
            "c.yaml:2:51: remediation.max_percent: expected a whole number from 0 to 100, found the number `0x10`; write it in plain decimal digits, such as 10",
        ],
    ),
    (
        "sweep: {every: 015m}",
        &["c.yaml:2:16: sweep.every: expected a duration such as 15m, found `015m`"],
    ),
    (
        "sweep: {concurrency: null}",
        &["c.yaml:2:22: sweep.concurrency: expected a whole number from 1 to 1024, found nothing"],
    ),
    (
        "sweep: {concurrency: 3, concurrency: 4}",
        &["c.yaml:2:25: sweep.concurrency: given twice; first in line 2"],
    ),
    (
        "sweep: {account_timeout: soon}",
        &["c.yaml:2:26: sweep.account_timeout: expected a duration such as 15m, found `soon`"],
    ),
    (
        "sweep: {account_timeout: 60}",
        &[
            "c.yaml:2:26: sweep.account_timeout: expected a duration such as 15m, found the number `60`",
        ],
    ),
    (
        "sweep: {account_timeout: 2h}",
        &["c.yaml:2:26: sweep.account_timeout: expected a duration from 1s to 1h, found `2h`"],
    ),
    (
        "sweep: {account_timeout: 1500ms}",
        &["c.yaml:2:26: sweep.account_timeout: expected whole seconds, found `1500ms`"],
    ),
    (
        "sweep: {attempt_timeout: 99ms}",
        &["c.yaml:2:26: sweep.attempt_timeout: expected a duration from 100ms to 5m, found `99ms`"],
    ),
    (
        "sweep: {account_timeout: 5s}",
        &["c.yaml:2:8: sweep.attempt_timeout: must not be longer than `account_timeout`"],
    ),
    (
        "sweep: {max_attempts: 11}",
        &[
            "c.yaml:2:23: sweep.max_attempts: expected a whole number from 1 to 10, found the number `11`",
        ],
    ),
    (
        "sweep: {every: 5m, cron: \"*/5 * * * *\"}",
        &["c.yaml:2:26: sweep.cron: give `every` or `cron`, not both"],
    ),
    (
        "sweep: {cron: every day}",
        &[
            "c.yaml:2:15: sweep.cron: expected five cron fields such as */15 * * * *, found `every day`",
        ],
    ),
    (
        "sweep: {cron: \"0 0 30 2 *\"}",
        &["c.yaml:2:15: sweep.cron: never comes; expected a time at least every 7 days"],
    ),
    (
        "sweep: {cron: \"0 0 29 2 *\"}",
        &[
            "c.yaml:2:15: sweep.cron: leaves 2921 days between two sweeps; expected at most 7, as for `every`",
        ],
    ),
    (
        "sweep: {cron: \"0 0 1 1 *\"}",
        &[
            "c.yaml:2:15: sweep.cron: leaves 366 days between two sweeps; expected at most 7, as for `every`",
        ],
    ),
    (
        "sweep: {cron: \"* * 1-7 1 *\"}",
        &[
            "c.yaml:2:15: sweep.cron: leaves 358 days between two sweeps; expected at most 7, as for `every`",
        ],
    ),
    ("sweep: {timezone: UTC}", &["c.yaml:2:19: sweep.timezone: is only read with `cron`"]),
    (
        "fail_on: severe",
        &["c.yaml:2:10: fail_on: expected critical, high, medium, low or info, found `severe`"],
    ),
    (
        "checks: {trust-polcy: {}}",
        &["c.yaml:2:10: checks.trust-polcy: unknown key; did you mean `trust-policy`?"],
    ),
    (
        "checks: {trust_policy: {}}",
        &["c.yaml:2:10: checks.trust_policy: unknown key; did you mean `trust-policy`?"],
    ),
    (
        "checks: {trust-policy: {accept_conditions: [aws:PrincipalOrgID]}}",
        &[
            "c.yaml:2:45: checks.trust-policy.accept_conditions[0]: expected aws:SourceAccount, aws:SourceArn, aws:SourceOrgID or aws:SourceOrgPaths, found `aws:PrincipalOrgID`",
        ],
    ),
    (
        "checks: {attached-policies: {allowed: [AdministratorAccess]}}",
        &[
            "c.yaml:2:40: checks.attached-policies.allowed[0]: expected a policy ARN such as arn:aws:iam::aws:policy/name or arn:aws:iam::${rolewarden:account_id}:policy/name, found `AdministratorAccess`",
        ],
    ),
    (
        "checks: {inline-policy: {accept_managed: yes}}",
        &["c.yaml:2:42: checks.inline-policy.accept_managed: expected true or false, found `yes`"],
    ),
    (
        "checks: {service-linked-role: {enabled: yes, path: /}}",
        &[
            "c.yaml:2:41: checks.service-linked-role.enabled: expected true or false, found `yes`",
            "c.yaml:2:46: checks.service-linked-role.path: unknown key; expected enabled or severity",
        ],
    ),
    (
        "checks: {role-exists: {severity: urgent}}",
        &[
            "c.yaml:2:34: checks.role-exists.severity: expected critical, high, medium, low or info, found `urgent`",
        ],
    ),
    (
        "checks: {role-exists: {enabled: false}, trust-policy: {enabled: false}, inline-policy: {enabled: false}, attached-policies: {enabled: false}, effective-permissions: {enabled: false}, role-attributes: {enabled: false}}",
        &["c.yaml:2:23: checks.role-exists: every check is switched off; leave at least one on"],
    ),
    (
        "remediation: {mode: maybe}",
        &["c.yaml:2:21: remediation.mode: expected off, plan or apply, found `maybe`"],
    ),
    (
        "remediation: {mode: true}",
        &["c.yaml:2:21: remediation.mode: expected off, plan or apply, found the switch `true`"],
    ),
    (
        "remediation: {action: []}",
        &["c.yaml:2:15: remediation.action: unknown key; did you mean `actions`?"],
    ),
    (
        "remediation: {max_acounts: 3}",
        &["c.yaml:2:15: remediation.max_acounts: unknown key; did you mean `max_accounts`?"],
    ),
    (
        "remediation: {actions: [delete_role]}",
        &[
            "c.yaml:2:25: remediation.actions[0]: expected create_role, update_trust_policy, put_inline_policy, delete_inline_policy, detach_managed_policy, put_permissions_boundary or create_service_linked_role, found `delete_role`",
        ],
    ),
    (
        "remediation: {act_on: [denied]}",
        &[
            "c.yaml:2:24: remediation.act_on[0]: expected deny, conditional, invalid or undecided, found `denied`",
        ],
    ),
    (
        "remediation: {exclude: {ids: [111122223333]}}",
        &[
            "c.yaml:2:31: remediation.exclude.ids[0]: expected an account id: 12 digits in quotes, found the number `111122223333`; put it in quotes",
        ],
    ),
    (
        "remediation: {kill_switch: \"\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found ``: it is empty",
        ],
    ),
    (
        "remediation: {kill_switch: \"  \"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `  `: it is empty",
        ],
    ),
    (
        "remediation: {kill_switch: \"stop\\n\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `stop\\u{a}`: it holds a control character or an invisible one; remove it",
        ],
    ),
    (
        "remediation: {kill_switch: \"st\\0op\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `st\\u{0}op`: it holds a control character or an invisible one; remove it",
        ],
    ),
    (
        "remediation: {kill_switch: \"st\\u202eop\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `st\\u{202e}op`: it holds a control character or an invisible one; remove it",
        ],
    ),
    (
        "remediation: {kill_switch: \"stop \"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `stop `: it begins or ends with white space; remove it",
        ],
    ),
    (
        "remediation: {kill_switch: \" /run/stop\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found ` /run/stop`: it begins or ends with white space; remove it",
        ],
    ),
    (
        "remediation: {kill_switch: ~/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `~/stop`: `~` is not replaced here; write the folder out",
        ],
    ),
    (
        "remediation: {kill_switch: ~root/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `~root/stop`: `~` is not replaced here; write the folder out",
        ],
    ),
    (
        "remediation: {kill_switch: \"${env:HOME}/stop\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `${env:HOME}/stop`: variables and references are not replaced here; write the path out",
        ],
    ),
    (
        "remediation: {kill_switch: \"${file:/run/secret}\"}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `${file:/run/secret}`: variables and references are not replaced here; write the path out",
        ],
    ),
    (
        "remediation: {kill_switch: $HOME/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `$HOME/stop`: variables and references are not replaced here; write the path out",
        ],
    ),
    (
        "remediation: {kill_switch: /run/}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `/run/`: it names a folder; add the name of the file",
        ],
    ),
    (
        "remediation: {kill_switch: ..}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found `..`: it names a folder; add the name of the file",
        ],
    ),
    (
        "remediation: {kill_switch: [stop]}",
        &["c.yaml:2:28: remediation.kill_switch: expected the path of a file, found a list"],
    ),
    (
        "remediation: {kill_switch: true}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file, found the switch `true`",
        ],
    ),
    (
        "remediation: {kill_switch: /nonexistent/dir/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file in a folder that exists, found `/nonexistent/dir/stop`: `/nonexistent/dir` is no folder; make it, or name another file",
        ],
    ),
    (
        "remediation: {kill_switch: gone/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file in a folder that exists, found `gone/stop`: `/etc/rolewarden/gone` is no folder; make it, or name another file",
        ],
    ),
    (
        "remediation: {kill_switch: trust.json/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file in a folder that exists, found `trust.json/stop`: `/etc/rolewarden/trust.json` is no folder; make it, or name another file",
        ],
    ),
    (
        "remediation: {kill_switch: file:///run/stop}",
        &[
            "c.yaml:2:28: remediation.kill_switch: expected the path of a file in a folder that exists, found `file:///run/stop`: `/etc/rolewarden/file:///run` is no folder; make it, or name another file",
        ],
    ),
    (
        "store: {path: \"${env:HOME}/x\"}",
        &[
            "c.yaml:2:15: store.path: expected the path of a file, found `${env:HOME}/x`: variables and references are not replaced here; write the path out",
        ],
    ),
    (
        "store: {path: ~/rolewarden.db}",
        &[
            "c.yaml:2:15: store.path: expected the path of a file, found `~/rolewarden.db`: `~` is not replaced here; write the folder out",
        ],
    ),
    (
        "store: {path: /var/lib/rolewarden/}",
        &[
            "c.yaml:2:15: store.path: expected the path of a file, found `/var/lib/rolewarden/`: it names a folder; add the name of the file",
        ],
    ),
    (
        "store: {path: null}",
        &["c.yaml:2:15: store.path: expected the path of a file, found nothing"],
    ),
    (
        "web: {config_file: \"web.yaml\\n\"}",
        &[
            "c.yaml:2:20: web.config_file: expected the path of a file, found `web.yaml\\u{a}`: it holds a control character or an invisible one; remove it",
        ],
    ),
    (
        "store: {retention: 12h}",
        &["c.yaml:2:20: store.retention: expected a duration from 1d to 3650d, found `12h`"],
    ),
    (
        "web: {listen: localhost}",
        &[
            "c.yaml:2:15: web.listen: expected an address and a port such as 127.0.0.1:9797, found `localhost`",
        ],
    ),
    ("log: {format: xml}", &["c.yaml:2:15: log.format: expected text or json, found `xml`"]),
    (
        "log: {level: \"a=b=c\"}",
        &[
            "c.yaml:2:14: log.level: expected a log level such as info, or directives such as info,rolewarden=debug, found `a=b=c`",
        ],
    ),
    (
        "access: {scan_role: arn:aws:iam::111122223333:role/x}",
        &[
            "c.yaml:2:21: access.scan_role: expected a role name such as rolewarden-scan or team/rolewarden-scan, found `arn:aws:iam::111122223333:role/x`",
        ],
    ),
    (
        "access: {scan_role: \"a role\"}",
        &[
            "c.yaml:2:21: access.scan_role: expected a role name such as rolewarden-scan or team/rolewarden-scan, found `a role`",
        ],
    ),
    (
        "access: {session_name: x}",
        &[
            "c.yaml:2:24: access.session_name: expected 2 to 64 letters, digits and `_+=,.@-`, found `x`",
        ],
    ),
    (
        "access: {session_duration: 5m}",
        &["c.yaml:2:28: access.session_duration: expected a duration from 15m to 12h, found `5m`"],
    ),
    (
        "access: {session_duration: 2h, via: [arn:aws:iam::111122223333:role/hop]}",
        &[
            "c.yaml:2:28: access.session_duration: must be 1h or less when `via` names roles: STS refuses more in a chain",
        ],
    ),
    (
        "access: {via: [arn:aws:iam::111122223333:user/hop]}",
        &[
            "c.yaml:2:16: access.via[0]: expected a role ARN such as arn:aws:iam::111122223333:role/name, found `arn:aws:iam::111122223333:user/hop`",
        ],
    ),
    (
        "access: {external_id: \"sp ace\"}",
        &[
            "c.yaml:2:23: access.external_id: expected 2 to 1224 letters, digits and `_+=,.@:/-`, or `${env:NAME}` or `${file:/path}` (its value is not shown)",
        ],
    ),
    (
        "access: {external_id: 12345}",
        &["c.yaml:2:23: access.external_id: expected a text; put it in quotes"],
    ),
    (
        "access: {external_id: \"${env:NOT_SET}\"}",
        &["c.yaml:2:23: access.external_id: environment variable `NOT_SET` is not set"],
    ),
    (
        "access: {external_id: \"${env:HOSTILE}\"}",
        &[
            "c.yaml:2:23: access.external_id: expected 2 to 1224 letters, digits and `_+=,.@:/-`, or `${env:NAME}` or `${file:/path}` (its value is not shown)",
        ],
    ),
    (
        "access: {external_id: \"${env:}\"}",
        &[
            "c.yaml:2:23: access.external_id: expected the name of an environment variable in `${env:NAME}`",
        ],
    ),
    (
        "access: {external_id: \"${file:/nowhere}\"}",
        &["c.yaml:2:23: access.external_id: cannot read `/nowhere`: no such file"],
    ),
    (
        "access: {external_id: \"${file:folder}\"}",
        &[
            "c.yaml:2:23: access.external_id: cannot read `folder`: it is a directory, expected a file",
        ],
    ),
    (
        "access: {external_id: \"x-${env:EXTERNAL_ID}\"}",
        &[
            "c.yaml:2:23: access.external_id: expected 2 to 1224 letters, digits and `_+=,.@:/-`, or `${env:NAME}` or `${file:/path}` (its value is not shown)",
        ],
    ),
    (
        "access: {overrides: {111122223333: {}}}",
        &[
            "c.yaml:2:22: access.overrides: expected an account id: 12 digits in quotes, found the number `111122223333`; put it in quotes",
        ],
    ),
    (
        "access: {overrides: {\"1\": {}}}",
        &["c.yaml:2:22: access.overrides: expected an account id: 12 digits in quotes, found `1`"],
    ),
    (
        "access: {overrides: {\"111122223333\": {scan_role_arn: arn:aws:iam::444455556666:role/x}}}",
        &[
            "c.yaml:2:21: access.overrides: the role of account 111122223333 lives in account 444455556666",
        ],
    ),
    (
        "access: {overrides: {\"111122223333\": {remediate_role_arn: arn:aws:iam::444455556666:role/x}}}",
        &[
            "c.yaml:2:21: access.overrides: the role of account 111122223333 lives in account 444455556666",
        ],
    ),
    (
        "access: {overrides: {\"111122223333\": {external_id: [s3cr3t]}}}",
        &[
            "c.yaml:2:52: access.overrides.111122223333.external_id: expected a text, `${env:NAME}` or `${file:/path}`",
        ],
    ),
    (
        "access: {overrides: {\"111122223333\": {}, \"111122223333\": {}}}",
        &["c.yaml:2:42: access.overrides.111122223333: given twice"],
    ),
    (
        "access: {region: Frankfurt}",
        &["c.yaml:2:18: access.region: expected a region such as us-east-1, found `Frankfurt`"],
    ),
    (
        "baseline: {presence: when-connected}",
        &[
            "c.yaml:2:11: baseline.regions: is empty; `presence: when-connected` needs at least one region",
        ],
    ),
    (
        "baseline: {presence: when_connected}",
        &[
            "c.yaml:2:22: baseline.presence: expected required, optional, when-connected or forbidden, found `when_connected`",
        ],
    ),
    (
        "baseline: {regions: [us-east-1]}",
        &["c.yaml:2:21: baseline.regions: is only read with `presence: when-connected`"],
    ),
    (
        "baseline: {presence: when-connected, regions: [us-east-1, US-EAST-1, us-east, useast-1, 7]}",
        &[
            "c.yaml:2:59: baseline.regions[1]: expected a region such as us-east-1, found `US-EAST-1`",
            "c.yaml:2:70: baseline.regions[2]: expected a region such as us-east-1, found `us-east`",
            "c.yaml:2:79: baseline.regions[3]: expected a region such as us-east-1, found `useast-1`",
            "c.yaml:2:89: baseline.regions[4]: expected a region such as us-east-1, found the number `7`; put it in quotes",
        ],
    ),
    (
        "baseline: {presence: when-connected, regions: [us-east-1], cluster_refresh: 5s}",
        &["c.yaml:2:77: baseline.cluster_refresh: expected a duration from 1m to 7d, found `5s`"],
    ),
    (
        "exceptions: [{id: a, accounts: {}, accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        &["c.yaml:2:32: exceptions[0].accounts: names no account; give `ids`, `ous` or `tags`"],
    ),
    (
        "exceptions: [{id: a, accounts: all, accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:32: exceptions[0].accounts: expected a list of account ids, or a mapping of `ids`, `ous` and `tags`, found a text",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: {ous: [prod], tag: {a: b}}, accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:39: exceptions[0].accounts.ous[0]: expected an organizational unit such as ou-ab12-11111111 or a root such as r-ab12, found `prod`",
            "c.yaml:2:46: exceptions[0].accounts.tag: unknown key; did you mean `tags`?",
        ],
    ),
    (
        "baseline: {role_name: team/Role}",
        &[
            "c.yaml:2:23: baseline.role_name: expected a role name of 1 to 64 letters, digits and `_+=,.@-`, without its path, found `team/Role`",
        ],
    ),
    (
        "baseline: {path: team}",
        &[
            "c.yaml:2:18: baseline.path: expected a path that begins and ends with `/`, found `team`",
        ],
    ),
    (
        "baseline: {trust_policy: missing.json}",
        &["c.yaml:2:26: baseline.trust_policy: cannot read `missing.json`: no such file"],
    ),
    (
        "baseline: {trust_policy: bad.json}",
        &[
            "c.yaml:2:26: baseline.trust_policy: `bad.json` is not one strict trust policy: Statement: missing",
        ],
    ),
    (
        "baseline: {inline_policy: {Version: x}}",
        &["c.yaml:2:27: baseline.inline_policy: expected the path of a document, found a mapping"],
    ),
    (
        "baseline: {service_principals: {AWS: ssm.amazonaws.com}}",
        &[
            "c.yaml:2:33: baseline.service_principals: expected a partition such as aws-cn, found `AWS`",
        ],
    ),
    (
        "baseline: {service_principals: {aws-cn: ssm}}",
        &[
            "c.yaml:2:41: baseline.service_principals.aws-cn: expected a service principal such as ssm.amazonaws.com, found `ssm`",
        ],
    ),
    (
        "baseline: {max_session_duration: 13h}",
        &[
            "c.yaml:2:34: baseline.max_session_duration: expected a duration from 1h to 12h, found `13h`",
        ],
    ),
    (
        "baseline: {permissions_boundary: boundary}",
        &[
            "c.yaml:2:34: baseline.permissions_boundary: expected a policy ARN such as arn:aws:iam::aws:policy/name or arn:aws:iam::${rolewarden:account_id}:policy/name, found `boundary`",
        ],
    ),
    (
        "baseline: {required_tags: {team: 7}}",
        &[
            "c.yaml:2:34: baseline.required_tags.team: expected a tag value of at most 256 characters, found the number `7`; put it in quotes",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        &["c.yaml:2:32: exceptions[0].accounts: is empty; expected at least one"],
    ),
    (
        "exceptions: [{id: a, accounts: [111122223333], accept: {absent: true}, reason: ' ', owner: null, expires: 31.01.2027}]",
        &[
            "c.yaml:2:33: exceptions[0].accounts[0]: expected an account id: 12 digits in quotes, found the number `111122223333`; put it in quotes",
            "c.yaml:2:80: exceptions[0].reason: expected a text, found ` `",
            "c.yaml:2:92: exceptions[0].owner: expected a text, found nothing",
            "c.yaml:2:107: exceptions[0].expires: expected a date such as 2027-01-31, found `31.01.2027`",
        ],
    ),
    (
        "exceptions: [{id: a}]",
        &[
            "c.yaml:2:14: exceptions[0].accounts: missing; it has no default",
            "c.yaml:2:14: exceptions[0].reason: missing; it has no default",
            "c.yaml:2:14: exceptions[0].owner: missing; it has no default",
            "c.yaml:2:14: exceptions[0].expires: missing; it has no default",
            "c.yaml:2:14: exceptions[0].accept: missing; give `accept` or `findings`: an exception names exactly what it covers",
        ],
    ),
    (
        "exceptions:\n  - {id: a, accounts: [\"111122223333\"], accept: {absent: true}, reason: r, owner: o, expires: 2027-02-30}",
        &[
            "c.yaml:3:95: exceptions[0].expires: expected a date such as 2027-01-31, found `2027-02-30`",
        ],
    ),
    (
        "exceptions:\n  - &e {id: a, accounts: [\"111122223333\"], accept: {absent: true}, reason: r, owner: o, expires: 2027-02-28}\n  - *e",
        &["c.yaml:4:5: exceptions: exception `a` is given twice; first in line 3"],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], checks: [trust-policy, attached-policies], reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:58: exceptions[0].checks: a check as a whole would also cover tomorrow's drift; name what is accepted instead: `accept: {principals: [\"222233334444\"], attached_policies: [\"arn:aws:iam::${rolewarden:account_id}:policy/NAME\"]}`, or let `rolewarden except ACCOUNT --finding ID --owner O --reason R --expires D` print the exception",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], checks: [connector-usage], reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:58: exceptions[0].checks: a check as a whole would also cover tomorrow's drift; name what is accepted instead: `findings: [\"ID\"]`, or let `rolewarden except ACCOUNT --finding ID --owner O --reason R --expires D` print the exception",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {absent: true}, findings: [\"0123456789abcdef\"], reason: r, owner: o, expires: 2027-01-31}]",
        &["c.yaml:2:84: exceptions[0].findings: give `accept` or `findings`, not both"],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:58: exceptions[0].accept: accepts nothing; an exception names exactly what it covers",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {absent: false, attributes: []}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:58: exceptions[0].accept: accepts nothing; an exception names exactly what it covers",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], findings: [], reason: r, owner: o, expires: 2027-01-31}]",
        &["c.yaml:2:60: exceptions[0].findings: is empty; expected at least one"],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], findings: [\"0123456789ABCDEF\", 1234567890123456], reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:61: exceptions[0].findings[0]: expected a finding's id: 16 hexadecimal digits in quotes, found `0123456789ABCDEF`",
            "c.yaml:2:81: exceptions[0].findings[1]: expected a finding's id: 16 hexadecimal digits in quotes, found the number `1234567890123456`; put it in quotes",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {principals: [\"*\", \"arn:aws:iam::222233334444:role/*\", 222233334444]}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:72: exceptions[0].accept.principals[0]: expected a principal without wildcards: an account id in quotes, the ARN of a root, role, user or identity provider, or a service such as ec2.amazonaws.com, found `*`",
            "c.yaml:2:77: exceptions[0].accept.principals[1]: expected a principal without wildcards: an account id in quotes, the ARN of a root, role, user or identity provider, or a service such as ec2.amazonaws.com, found `arn:aws:iam::222233334444:role/*`",
            "c.yaml:2:113: exceptions[0].accept.principals[2]: expected a principal without wildcards: an account id in quotes, the ARN of a root, role, user or identity provider, or a service such as ec2.amazonaws.com, found the number `222233334444`; put it in quotes",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {attached_policies: [AdministratorAccess], attributes: [boundary]}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:79: exceptions[0].accept.attached_policies[0]: expected a policy ARN such as arn:aws:iam::aws:policy/name or arn:aws:iam::${rolewarden:account_id}:policy/name, found `AdministratorAccess`",
            "c.yaml:2:114: exceptions[0].accept.attributes[0]: expected max_session_duration, permissions_boundary, path or tags, found `boundary`",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {attached_policy: []}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:59: exceptions[0].accept.attached_policy: unknown key; did you mean `attached_policies`?",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {trust_policy: bad.json, inline_policy: none.json}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:73: exceptions[0].accept.trust_policy: `bad.json` is not one strict trust policy: Statement: missing",
            "c.yaml:2:98: exceptions[0].accept.inline_policy: cannot read `none.json`: no such file",
        ],
    ),
    (
        "exceptions: [{id: a, accounts: [\"111122223333\"], accept: {trust_policy: everyone.json, inline_policy: variable.json}, reason: r, owner: o, expires: 2027-01-31}]",
        &[
            "c.yaml:2:73: exceptions[0].accept.trust_policy: `everyone.json` cannot be accepted: it lets everyone in without a condition, which an exception cannot accept; name the principals, or add a condition",
            "c.yaml:2:103: exceptions[0].accept.inline_policy: `variable.json` cannot be accepted: it holds the policy variable `${aws:username}`, whose value is not known here; name the actions and resources instead",
        ],
    ),
    (
        "exceptions_file: missing.yaml",
        &["c.yaml:2:18: exceptions_file: cannot read `missing.yaml`: no such file"],
    ),
    (
        "exceptions_file: wrong.yaml",
        &[
            "wrong.yaml:1:3: exceptions_file[0].reason: missing; it has no default",
            "wrong.yaml:1:3: exceptions_file[0].owner: missing; it has no default",
            "wrong.yaml:1:3: exceptions_file[0].expires: missing; it has no default",
            "wrong.yaml:1:3: exceptions_file[0].accept: missing; give `accept` or `findings`: an exception names exactly what it covers",
            "wrong.yaml:2:13: exceptions_file[0].accounts: is empty; expected at least one",
            "wrong.yaml:3:3: exceptions_file[1].id: missing; it has no default",
            "wrong.yaml:3:3: exceptions_file[1].accounts: missing; it has no default",
            "wrong.yaml:3:3: exceptions_file[1].reason: missing; it has no default",
            "wrong.yaml:3:3: exceptions_file[1].owner: missing; it has no default",
            "wrong.yaml:3:3: exceptions_file[1].expires: missing; it has no default",
            "wrong.yaml:3:3: exceptions_file[1].accept: missing; give `accept` or `findings`: an exception names exactly what it covers",
        ],
    ),
    (
        "exceptions_file: exceptions.yaml\nexceptions:\n  - {id: a, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-02-28}",
        &["c.yaml:2:18: exceptions_file: give `exceptions` or `exceptions_file`, not both"],
    ),
    ("log: {<<: {format: json}}", &["c.yaml:2:7: log.<<: unknown key; expected format or level"]),
    (
        "log: {\"for\\e[31mmat\": json}",
        &["c.yaml:2:7: log.for\\u{1b}[31mmat: unknown key; expected format or level"],
    ),
    (
        "log: {format: \"a\\e[31m\\nb\"}",
        &["c.yaml:2:15: log.format: expected text or json, found `a\\u{1b}[31m\\u{a}b`"],
    ),
    (
        "access: {overrides: {\"111122223333\": s3cr3t}}",
        &["c.yaml:2:38: access.overrides.111122223333: expected a mapping of keys, found a text"],
    ),
    ("access: s3cr3t", &["c.yaml:2:9: access: expected a mapping of keys, found a text"]),
    (
        "access: {overrides: s3cr3t}",
        &["c.yaml:2:21: access.overrides: expected a mapping, found a text"],
    ),
    (
        "access: {external_id: ~, overrides: {\"111122223333\": {externalid: s3cr3t}}}",
        &[
            "c.yaml:2:55: access.overrides.111122223333.externalid: unknown key; did you mean `external_id`?",
        ],
    ),
    (
        "access: {external_id: \"${env:EXTERNAL_ID\"}",
        &[
            "c.yaml:2:23: access.external_id: expected 2 to 1224 letters, digits and `_+=,.@:/-`, or `${env:NAME}` or `${file:/path}` (its value is not shown)",
        ],
    ),
    (
        "log: {level: inf}",
        &[
            "c.yaml:2:14: log.level: expected a log level such as info, or directives such as info,rolewarden=debug, found `inf`",
        ],
    ),
    (
        "log: {level: \"\"}",
        &[
            "c.yaml:2:14: log.level: expected a log level such as info, or directives such as info,rolewarden=debug, found ``",
        ],
    ),
    (
        "baseline: {trust_policy: folder}",
        &[
            "c.yaml:2:26: baseline.trust_policy: cannot read `folder`: it is a directory, expected a file",
        ],
    ),
    ("accounts: {}", &["c.yaml:2:1: accounts: given twice; first in line 1"]),
];

/// Whole texts and the lines they give.
pub(super) const TEXTS: &[(&str, &[&str])] = &[
    ("", &["c.yaml: is empty; make one: rolewarden config example > rolewarden.yaml"]),
    (
        "# only a comment\n",
        &["c.yaml: is empty; make one: rolewarden config example > rolewarden.yaml"],
    ),
    (
        "\u{feff}accounts: {source: organization}\n",
        &["c.yaml: begins with a byte order mark; save it as UTF-8 without one"],
    ),
    ("[]\n", &["c.yaml:1:1: expected a mapping of keys, found a list"]),
    ("x\n", &["c.yaml:1:1: expected a mapping of keys, found a text"]),
    ("sweep: {}\n", &["c.yaml:1:1: accounts.source: missing; it has no default"]),
    ("accounts: {}\n", &["c.yaml:1:11: accounts.source: missing; it has no default"]),
    (
        "accounts: {source: moon}\n",
        &["c.yaml:1:20: accounts.source: expected organization or list, found `moon`"],
    ),
    (
        "accounts: {source: organization, at_least: 0}\n",
        &[
            "c.yaml:1:44: accounts.at_least: expected a whole number from 1 to 50000, found the number `0`",
        ],
    ),
    (
        "accounts: {source: list, list: [{id: \"111122223333\"}], at_least: 1}\n",
        &[
            "c.yaml:1:66: accounts.at_least: is only read with `source: organization`: a list in this file is as long as it is",
        ],
    ),
    (
        "accounts: {source: list}\n",
        &["c.yaml:1:11: accounts.list: is empty; `source: list` needs at least one account"],
    ),
    (
        "accounts: {source: list, list: [{id: 111122223333}, {id: \"1\"}, {name: x}]}\n",
        &[
            "c.yaml:1:38: accounts.list[0].id: expected an account id: 12 digits in quotes, found the number `111122223333`; put it in quotes",
            "c.yaml:1:58: accounts.list[1].id: expected an account id: 12 digits in quotes, found `1`",
            "c.yaml:1:64: accounts.list[2].id: missing; it has no default",
        ],
    ),
    (
        "accounts:\n  source: list\n  list:\n    - {id: \"111122223333\"}\n    - {id: \"111122223333\"}\n",
        &["c.yaml:5:7: accounts.list: account 111122223333 is listed twice; first in line 4"],
    ),
    (
        "accounts: {source: organization, list: [{id: \"111122223333\"}]}\n",
        &[
            "c.yaml:1:40: accounts.list: is only read with `source: list`; change the source or empty the list",
        ],
    ),
    (
        "accounts: {source: list, list: [{id: \"111122223333\"}], include: {ous: [r-ab12]}}\n",
        &["c.yaml:1:65: accounts.include: `ous` and `tags` need `source: organization`; use `ids`"],
    ),
    (
        "accounts: {source: list, list: [{id: \"111122223333\"}]}\nexceptions: [{id: a, accounts: {ous: [r-ab12]}, accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]\n",
        &[
            "c.yaml:2:13: exceptions: exception `a`: `ous` and `tags` need `source: organization`; use `ids`",
        ],
    ),
    (
        "accounts: {source: organization, include: {ids: \"111122223333\", ous: [ou-x], tags: {a: []}}}\n",
        &[
            "c.yaml:1:49: accounts.include.ids: expected a list, found a text",
            "c.yaml:1:71: accounts.include.ous[0]: expected an organizational unit such as ou-ab12-11111111 or a root such as r-ab12, found `ou-x`",
            "c.yaml:1:88: accounts.include.tags.a: is empty; expected at least one",
        ],
    ),
    (
        "accounts: {source: organization, management_account: maybe, organization_role_arn: x}\n",
        &[
            "c.yaml:1:54: accounts.management_account: expected include or skip, found `maybe`",
            "c.yaml:1:84: accounts.organization_role_arn: expected a role ARN such as arn:aws:iam::111122223333:role/name, found `x`",
        ],
    ),
    ("accounts: [\n", &["c.yaml:1:11: unclosed bracket '['"]),
    (
        "accounts:\n\tsource: organization\n",
        &["c.yaml:2:2: tabs disallowed within this context (block indentation)"],
    ),
    ("a: *x\n", &["c.yaml:1:4: alias references unknown anchor"]),
    ("a: !secret x\n", &["c.yaml:1:12: unsupported tag `!secret`"]),
    ("a: b\n---\nc: d\n", &["c.yaml:3:1: expected one YAML document, found a second"]),
    (
        "a: \"\\q\"\n",
        &["c.yaml:1:4: while parsing a quoted scalar, found unknown escape character"],
    ),
    ("a: b: c\n", &["c.yaml:1:5: mapping values are not allowed in this context"]),
    ("- a\nb\n", &["c.yaml:2:1: simple key expected ':'"]),
    ("a: 'x\n", &["c.yaml:1:4: unclosed quote"]),
    ("&a [*a]\n", &["c.yaml:1:5: an anchor may not contain itself"]),
    ("{a: 1, b: 2\n\n", &["c.yaml:1:1: unclosed bracket '{'"]),
];
