//! The hands of a person: AWS CLI commands, done to the simulated organization as signed calls of the SDK.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sdk_iam::types::Tag;
use aws_sdk_iam::{Client as Iam, error::DisplayErrorContext};
use aws_sdk_sts::Client as Sts;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::Value;

use crate::model::AccountId;
use crate::simulator::{ADMINISTRATOR_ROLE, Running};

/// Somebody who may administer every account, and never uses the roles of rolewarden.
pub(super) struct Hands {
    sdk: SdkConfig,
}

impl Hands {
    pub(super) fn new(running: &Running) -> Self {
        use aws_credential_types::provider::SharedCredentialsProvider;
        let sdk = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(running.endpoint())
            .http_client(HttpBuilder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(running.credentials()))
            .build();
        Self { sdk }
    }

    /// Runs the commands in one account, with a session of its administrator.
    pub(super) async fn run(&self, account: &AccountId, commands: &[String]) -> anyhow::Result<()> {
        let iam = self.iam(account).await?;
        for line in commands {
            let command = Command::parse(line).with_context(|| format!("cannot read `{line}`"))?;
            command.send(&iam).await.with_context(|| format!("`{line}` failed in {account}"))?;
        }
        Ok(())
    }

    async fn iam(&self, account: &AccountId) -> anyhow::Result<Iam> {
        let arn = format!("arn:aws:iam::{account}:role/{ADMINISTRATOR_ROLE}");
        let call = Sts::new(&self.sdk).assume_role().role_arn(arn).role_session_name("by-hand");
        let out = done(call.send().await)?;
        let session = out.credentials().context("AssumeRole gave no credentials")?;
        let token = Some(session.session_token().to_owned());
        let credentials = Credentials::new(
            session.access_key_id(),
            session.secret_access_key(),
            token,
            None,
            "by-hand",
        );
        let config =
            aws_sdk_iam::config::Builder::from(&self.sdk).credentials_provider(credentials);
        Ok(Iam::from_conf(config.build()))
    }
}

/// `aws iam NAME --flag value …`
struct Command {
    name: String,
    flags: BTreeMap<String, String>,
}

impl Command {
    fn parse(line: &str) -> Option<Self> {
        let mut words = words(line)?.into_iter();
        let (aws, iam, name) = (words.next()?, words.next()?, words.next()?);
        let mut flags = BTreeMap::new();
        while let Some(word) = words.next() {
            let word = word.strip_prefix("--")?;
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), value.to_owned()),
                None => (word.to_owned(), words.next()?),
            };
            flags.insert(flag, value);
        }
        (aws == "aws" && iam == "iam").then_some(Self { name, flags })
    }

    fn flag(&self, name: &str) -> Option<String> {
        self.flags.get(name).cloned()
    }

    fn tags(&self) -> Option<Vec<Tag>> {
        let list: Vec<Value> = serde_json::from_str(self.flags.get("tags")?).ok()?;
        let text = |tag: &Value, key: &str| tag.get(key)?.as_str().map(str::to_owned);
        let tag = |tag: &Value| {
            Tag::builder().set_key(text(tag, "Key")).set_value(text(tag, "Value")).build().ok()
        };
        list.iter().map(tag).collect()
    }

    async fn send(&self, iam: &Iam) -> anyhow::Result<()> {
        let (role, document) = (self.flag("role-name"), self.flag("policy-document"));
        let (policy, arn) = (self.flag("policy-name"), self.flag("policy-arn"));
        let boundary = self.flag("permissions-boundary");
        match self.name.as_str() {
            "create-role" => {
                let call = iam.create_role().set_role_name(role).set_path(self.flag("path"));
                let trust = self.flag("assume-role-policy-document");
                let call = call.set_assume_role_policy_document(trust).set_tags(self.tags());
                done(call.set_permissions_boundary(boundary).send().await).map(drop)
            }
            "update-assume-role-policy" => {
                let call = iam.update_assume_role_policy().set_role_name(role);
                done(call.set_policy_document(document).send().await).map(drop)
            }
            "put-role-policy" => {
                let call = iam.put_role_policy().set_role_name(role).set_policy_name(policy);
                done(call.set_policy_document(document).send().await).map(drop)
            }
            "delete-role-policy" => {
                let call = iam.delete_role_policy().set_role_name(role);
                done(call.set_policy_name(policy).send().await).map(drop)
            }
            "attach-role-policy" => {
                let call = iam.attach_role_policy().set_role_name(role);
                done(call.set_policy_arn(arn).send().await).map(drop)
            }
            "detach-role-policy" => {
                let call = iam.detach_role_policy().set_role_name(role);
                done(call.set_policy_arn(arn).send().await).map(drop)
            }
            "put-role-permissions-boundary" => {
                let call = iam.put_role_permissions_boundary().set_role_name(role);
                done(call.set_permissions_boundary(boundary).send().await).map(drop)
            }
            "update-role" => {
                let seconds = self.flag("max-session-duration").and_then(|text| text.parse().ok());
                let call = iam.update_role().set_role_name(role);
                done(call.set_max_session_duration(seconds).send().await).map(drop)
            }
            "tag-role" => {
                let call = iam.tag_role().set_role_name(role);
                done(call.set_tags(self.tags()).send().await).map(drop)
            }
            "delete-role" => done(iam.delete_role().set_role_name(role).send().await).map(drop),
            other => anyhow::bail!("the demo cannot do `{other}`"),
        }
    }
}

/// The error with its causes, in which the SDK hides what happened.
fn done<T, E: std::error::Error + 'static>(result: Result<T, E>) -> anyhow::Result<T> {
    result.map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(&error)))
}

/// The words of a command line: plain ones, and single quotes around what a shell would not take as it is.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\'' => {
                quoted = !quoted;
                continue;
            }
            '\\' if !quoted => {
                escaped = true;
                continue;
            }
            ' ' if !quoted => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut()?.push(c);
    }
    (!quoted && !escaped).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_a_posix_shell_reads_them() {
        let cases = [
            ("a b", Some(vec!["a", "b"])),
            (r"'a b'\''c'", Some(vec!["a b'c"])),
            ("'{\"a\": 1}'", Some(vec!["{\"a\": 1}"])),
            ("''", Some(vec![""])),
            ("'a", None),
        ];
        for (line, want) in cases {
            let want: Option<Vec<String>> =
                want.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words(line), want, "case `{line}`");
        }
    }

    #[test]
    fn a_command_is_a_name_and_flags() {
        let line = r#"aws iam tag-role --role-name r --tags='[{"Key":"a","Value":""}]'"#;
        let command = Command::parse(line).unwrap();
        assert_eq!(
            (command.name.as_str(), command.flag("role-name").as_deref()),
            ("tag-role", Some("r"))
        );
        assert_eq!(command.tags().unwrap()[0].key(), "a");
        for line in
            ["aws iam", "aws s3 ls", "aws iam get-role role", "aws iam get-role --role-name"]
        {
            assert!(Command::parse(line).is_none(), "case `{line}`");
        }
    }
}
